//! Which stores were compared: their versions, and how they were set up.

use serde::{Deserialize, Serialize};

use crate::report::OURS;

/// A store, as it took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Engine {
    pub(crate) name: String,
    /// Of the store itself.
    pub(crate) version: String,
    /// Of the crates that bring it into Rust.
    pub(crate) crates: String,
    /// With which options it was used, and why.
    pub(crate) configuration: String,
}

/// Ours, and all others.
pub(crate) fn all() -> Vec<Engine> {
    let ours = Engine {
        name: OURS.to_owned(),
        version: locked(OURS).unwrap_or_default().to_owned(),
        crates: crates(&[OURS]),
        configuration: "as it is by itself: verified reads, durable commits".to_owned(),
    };
    std::iter::once(ours).chain(crate::parts::rivals::engines()).collect()
}

/// The crates with the versions that this was built with.
pub(crate) fn crates(names: &[&str]) -> String {
    let named = |name: &&str| Some(format!("{name} {}", locked(name)?));
    names.iter().filter_map(named).collect::<Vec<_>>().join(", ")
}

/// The version of a crate that this was built with.
pub(crate) fn locked(name: &str) -> Option<&'static str> {
    let lock = include_str!("../Cargo.lock");
    let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    rest.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_says_its_version_and_how_it_was_set_up() {
        for engine in all() {
            let Engine { name, version, crates, configuration } = &engine;
            let said = [name, version, crates, configuration].map(|text| !text.is_empty());
            assert_eq!(said, [true; 4], "{engine:?}");
        }
        assert_eq!(locked("no-such-crate"), None);
    }
}
