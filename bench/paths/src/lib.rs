//! What all measurements work on: the records, and the raw map that they are compared with.

pub mod raw;
pub mod record;
