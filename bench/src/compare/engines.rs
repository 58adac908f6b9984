//! The stores that are compared: one file each, with what it is configured to and why.

pub(crate) mod lmdb;
pub(crate) mod redb;
pub(crate) mod sqlite;
pub(crate) mod stride;
