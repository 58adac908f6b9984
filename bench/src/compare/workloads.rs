//! What is compared, one file a question.

pub(crate) mod append;
pub(crate) mod deferred;
pub(crate) mod load;
pub(crate) mod update;
