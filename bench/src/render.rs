//! What people read of a run: tables and charts in the documentation.

use std::path::{Path, PathBuf};

use crate::document::Document;
use crate::rounds::Outcome;

/// Renders runs into a directory of documentation.
pub(crate) fn render(runs: &[PathBuf], _docs: &Path) -> Outcome {
    let _runs = runs.iter().map(|run| Document::read(run)).collect::<Outcome<Vec<_>>>()?;
    Ok(())
}
