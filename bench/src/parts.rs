//! What is measured, one file a question.

pub(crate) mod bare;
pub(crate) mod commit;
pub(crate) mod extend;
pub(crate) mod group;
pub(crate) mod import;
pub(crate) mod memory;
pub(crate) mod open;
pub(crate) mod read;
pub(crate) mod reader;
pub(crate) mod rivals;
pub(crate) mod search;
pub(crate) mod single;
pub(crate) mod sizes;
pub(crate) mod sort;
pub(crate) mod space;
pub(crate) mod tail;
pub(crate) mod verify;
