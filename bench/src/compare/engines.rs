//! The stores that are compared: one file each, with what it is configured to and why.

pub(crate) mod bare;
pub(crate) mod fjall;
pub(crate) mod lmdb;
pub(crate) mod raw_map;
pub(crate) mod rawdb;
pub(crate) mod redb;
pub(crate) mod sqlite;
pub(crate) mod stride;
pub(crate) mod tokyo;
