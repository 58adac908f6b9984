//! What is compared, one file a question.

pub(crate) mod amplification;
pub(crate) mod append;
pub(crate) mod deferred;
pub(crate) mod get;
pub(crate) mod group;
pub(crate) mod growth;
pub(crate) mod load;
pub(crate) mod memory;
pub(crate) mod open;
pub(crate) mod recovery;
pub(crate) mod scan;
pub(crate) mod sizes;
pub(crate) mod update;
pub(crate) mod verify;
