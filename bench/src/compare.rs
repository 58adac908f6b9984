//! stridedb and every rival on the same workloads, in one run.

pub(crate) mod engine;
pub(crate) mod engines;
