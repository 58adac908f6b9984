//! Which stores were compared: their versions, and how they were set up.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::compare::engine::Engine;
use crate::compare::field;

/// A store, as it took part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Description {
    pub(crate) name: String,
    /// Of the store itself.
    pub(crate) version: String,
    /// Of the crates that bring it into Rust.
    pub(crate) crates: String,
    /// With which options it was used, and why.
    pub(crate) configuration: String,
}

impl Description {
    /// That of a store of the comparison.
    pub(crate) fn of<E: Engine>() -> Self {
        let (name, version, configuration) = (E::NAME.to_owned(), E::version(), E::CONFIGURATION);
        Self { name, version, crates: crates(E::CRATES), configuration: configuration.to_owned() }
    }
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, version, crates, configuration } = self;
        write!(f, "{name} {version} ({crates}): {configuration}")
    }
}

/// All that can take part on this machine.
pub(crate) fn all() -> Vec<Description> {
    field::descriptions()
}

/// The crates with the versions that this was built with.
fn crates(names: &[&str]) -> String {
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
        let all = all();
        for engine in &all {
            let Description { name, version, crates, configuration } = engine;
            let said = [name, version, crates, configuration].map(|text| !text.is_empty());
            assert_eq!(said, [true; 4], "{engine:?}");
            assert_eq!(all.iter().filter(|other| other.name == *name).count(), 1, "{name}");
        }
        assert_eq!(locked("no-such-crate"), None);
    }
}
