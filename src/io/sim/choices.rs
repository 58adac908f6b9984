//! Which versions survive: all combinations if they are few, else a sample of them.

use super::Random;
use super::disk::Dimension;

/// How many combinations are tried at one point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Up to so many, all of them.
    pub(super) exhaustive_max: usize,
    /// Else so many at random, besides those at the edges.
    pub(super) random_count: usize,
    /// "Only this one" and "all but this one" are tried for so many places.
    pub(super) edge_max: usize,
}

/// Combinations of versions, one number for each dimension. Among them are always the newest and
/// the oldest of everything.
pub(super) fn choices(
    dimensions: &[Dimension],
    limits: Limits,
    random: &mut Random,
) -> Vec<Vec<usize>> {
    let product = dimensions.iter().try_fold(1_usize, |product, dimension| {
        product.checked_mul(dimension.count).filter(|&product| product <= limits.exhaustive_max)
    });
    if product.is_some() { all(dimensions) } else { sample(dimensions, limits, random) }
}

fn all(dimensions: &[Dimension]) -> Vec<Vec<usize>> {
    let mut found = vec![Vec::new()];
    for dimension in dimensions {
        let longer = |choice: &Vec<usize>| {
            let choice = choice.clone();
            (0..dimension.count).map(move |version| [choice.as_slice(), &[version]].concat())
        };
        found = found.iter().flat_map(longer).collect();
    }
    found
}

fn sample(dimensions: &[Dimension], limits: Limits, random: &mut Random) -> Vec<Vec<usize>> {
    let newest: Vec<usize> = dimensions.iter().map(|dimension| dimension.newest).collect();
    let oldest = vec![0; dimensions.len()];
    let mut found = vec![newest.clone(), oldest.clone()];
    for place in some_places(dimensions.len(), limits.edge_max, random) {
        for version in 0..dimensions[place].count {
            // Only this one reached the platter, or all but this one did.
            for edge in [&oldest, &newest] {
                let mut choice = edge.clone();
                choice[place] = version;
                found.push(choice);
            }
        }
    }
    for _ in 0..limits.random_count {
        found.push(random_choice(dimensions, random));
    }
    found
}

/// All places if there are few, else some of them.
fn some_places(count: usize, count_max: usize, random: &mut Random) -> Vec<usize> {
    if count <= count_max {
        return (0..count).collect();
    }
    (0..count_max).map(|_| random.below(count)).collect()
}

/// Each version by chance, with more of the old ones, more of the new ones, or neither.
fn random_choice(dimensions: &[Dimension], random: &mut Random) -> Vec<usize> {
    let bias = random.below(5);
    let version = |dimension: &Dimension| match (bias, random.below(8)) {
        (0, 1..) => 0,
        (1, 1..) => dimension.newest,
        _ => random.below(dimension.count),
    };
    dimensions.iter().map(version).collect()
}
