//! The search: breadth first, so that the first counterexample is a shortest one.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use crate::events::{Event, Operation, successors};
use crate::invariants::Violation;
use crate::rules::Rules;
use crate::state::{Budget, World};
use crate::trace;

/// How a search ended.
pub(crate) enum Outcome {
    /// All worlds within the bounds keep all promises.
    Holds { states: usize },
    /// A shortest way to a broken promise.
    Breaks { states: usize, violation: Violation, trace: String },
}

/// How a world was first reached: which successor it is of which world.
struct Origin {
    parent: u32,
    choice: u32,
}

/// Visits all worlds within the bounds, until a promise is broken.
pub(crate) fn explore(operations: &[Operation], budget: Budget, rules: Rules) -> Outcome {
    let start = World::new(budget);
    let mut seen = HashSet::from([fingerprint(&start)]);
    let mut origins = vec![Origin { parent: 0, choice: 0 }];
    let mut frontier = VecDeque::from([start.clone()]);
    let mut current = 0;
    while let Some(world) = frontier.pop_front() {
        let next = successors(&world, operations, rules);
        for (choice, (_, next)) in (0..).zip(next) {
            let origin = Origin { parent: current, choice };
            match next {
                Ok(next) if seen.insert(fingerprint(&next)) => {
                    origins.push(origin);
                    frontier.push_back(next);
                }
                Ok(_) => {}
                Err(violation) => {
                    let trace = trace::tell(&path(start, operations, rules, &origins, origin));
                    return Outcome::Breaks { states: seen.len(), violation, trace };
                }
            }
        }
        current += 1;
    }
    Outcome::Holds { states: seen.len() }
}

/// Stands for a world in the set of those seen. Two worlds of a million share one of these numbers
/// with a chance of one in 10^7; then one of them is not followed.
fn fingerprint(world: &World) -> u64 {
    let mut hasher = DefaultHasher::new();
    world.hash(&mut hasher);
    hasher.finish()
}

/// All events from the given start to the last, each with the world after it.
fn path(
    mut world: World,
    operations: &[Operation],
    rules: Rules,
    origins: &[Origin],
    last: Origin,
) -> Vec<(Event, Option<World>)> {
    let mut choices = vec![last.choice];
    let mut at = last.parent;
    while at != 0 {
        let origin = &origins[usize::try_from(at).expect("a state's number fits")];
        choices.push(origin.choice);
        at = origin.parent;
    }
    let mut events = Vec::new();
    for choice in choices.into_iter().rev() {
        let choice = usize::try_from(choice).expect("a successor's number fits");
        let (event, next) = successors(&world, operations, rules).swap_remove(choice);
        let next = next.ok();
        events.push((event, next.clone()));
        if let Some(next) = next {
            world = next;
        }
    }
    events
}
