//! What belongs together among the measurements of a run.

use crate::report::{Measurement, OURS};
use crate::rounds::Figures;

/// Points that make a line.
const POINTS_MIN: usize = 3;

/// One workload with one number of records, and how long each engine took.
#[derive(Clone)]
pub(super) struct Table<'a> {
    pub(super) name: &'a str,
    pub(super) unit: &'a str,
    pub(super) records: u64,
    pub(super) record_size: usize,
    pub(super) rows: Vec<Row<'a>>,
}

#[derive(Clone)]
pub(super) struct Row<'a> {
    pub(super) engine: &'a str,
    pub(super) figures: Figures,
}

impl<'a> Table<'a> {
    fn of(first: &'a Measurement) -> Self {
        let Measurement { workload, unit, records, record_size, .. } = first;
        let (records, record_size) = (*records, *record_size);
        Self { name: workload, unit, records, record_size, rows: Vec::new() }
    }

    /// Whether both are about the same, maybe in two runs.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let key = |table: &Self| (table.records, table.record_size);
        (self.name, self.unit) == (other.name, other.unit) && key(self) == key(other)
    }

    pub(super) fn row(&self, engine: &str) -> Option<&Row<'a>> {
        self.rows.iter().find(|row| row.engine == engine)
    }

    /// Round by round, how many times as long as ours an engine took.
    pub(super) fn times_ours(&self, engine: &str) -> Option<Figures> {
        Some(self.row(engine)?.figures.over(&self.row(OURS)?.figures))
    }
}

/// Along what a group of tables goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Along {
    /// One table, or a few that make no line.
    Nothing,
    Records,
    Threads,
}

/// Tables that are one section.
pub(super) struct Group<'a> {
    pub(super) name: &'a str,
    pub(super) along: Along,
    /// With the place of each, which is 0 where they go along nothing.
    pub(super) tables: Vec<(u64, Table<'a>)>,
}

impl<'a> Group<'a> {
    /// All engines, in the order in which they come.
    pub(super) fn engines(&self) -> Vec<&'a str> {
        let mut engines = Vec::new();
        for row in self.tables.iter().flat_map(|(_, table)| &table.rows) {
            if !engines.contains(&row.engine) {
                engines.push(row.engine);
            }
        }
        engines
    }

    /// The words for a place.
    pub(super) fn place(&self, place: u64) -> String {
        match self.along {
            Along::Threads if place == 1 => "1 thread".to_owned(),
            Along::Threads => format!("{place} threads"),
            Along::Records => format!("{} records", super::quantity::short_count(place)),
            Along::Nothing => String::new(),
        }
    }
}

/// The tables of a run. An engine that was measured twice is there once, with its first figures.
pub(super) fn tables(measurements: &[Measurement]) -> Vec<Table<'_>> {
    let mut tables: Vec<Table<'_>> = Vec::new();
    for measurement in measurements {
        let new = Table::of(measurement);
        let place = tables.iter().position(|table| table.is_like(&new)).unwrap_or_else(|| {
            tables.push(new);
            tables.len() - 1
        });
        let (engine, figures) = (measurement.engine.as_str(), measurement.figures.clone());
        if tables[place].row(engine).is_none() {
            tables[place].rows.push(Row { engine, figures: figures.into() });
        }
    }
    tables
}

/// Puts tables together that differ in the number of records only, or in the number of threads at
/// the end of their names.
pub(super) fn groups(tables: Vec<Table<'_>>) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for table in &tables {
        let (along, name) = along(table, &tables);
        let place = match along {
            Along::Nothing => 0,
            Along::Records => table.records,
            Along::Threads => threads(table.name).map_or(0, |(_, count)| count),
        };
        let same = |group: &&mut Group<'_>| {
            let (_, first) = &group.tables[0];
            let alike = (first.unit, first.record_size) == (table.unit, table.record_size);
            (group.name, group.along) == (name, along) && alike
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.tables.push((place, table.clone())),
            None => groups.push(Group { name, along, tables: vec![(place, table.clone())] }),
        }
    }
    for group in &mut groups {
        group.tables.sort_by_key(|(place, _)| *place);
    }
    groups
}

fn along<'a>(table: &Table<'a>, tables: &[Table<'a>]) -> (Along, &'a str) {
    let alike =
        |other: &&Table<'_>| (other.unit, other.record_size) == (table.unit, table.record_size);
    let count = |belongs: &dyn Fn(&Table<'_>) -> bool| {
        tables.iter().filter(alike).filter(|other| belongs(other)).count()
    };
    if let Some((name, _)) = threads(table.name) {
        let belongs = |other: &Table<'_>| {
            other.records == table.records && threads(other.name).is_some_and(|it| it.0 == name)
        };
        if count(&belongs) >= POINTS_MIN {
            return (Along::Threads, name);
        }
    }
    if count(&|other: &Table<'_>| other.name == table.name) >= POINTS_MIN {
        return (Along::Records, table.name);
    }
    (Along::Nothing, table.name)
}

/// The name of a workload before its number of threads, and that.
fn threads(name: &str) -> Option<(&str, u64)> {
    let rest = name.strip_suffix(" threads").or_else(|| name.strip_suffix(" thread"))?;
    let (name, count) = rest.rsplit_once(' ')?;
    Some((name.trim_end_matches([',', ':', ' ']), count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::tests::measurement;

    #[test]
    fn workloads_that_differ_in_one_number_are_one_group() {
        let all = [
            measurement("get", "stridedb", 10, &[1.0]),
            measurement("commit, 1 thread", "stridedb", 10, &[1.0]),
            measurement("get", "stridedb", 1000, &[1.0]),
            measurement("commit, 16 threads", "stridedb", 10, &[1.0]),
            measurement("commit, 2 threads", "stridedb", 10, &[1.0]),
            measurement("get", "stridedb", 100, &[1.0]),
            measurement("scan, 1 thread", "stridedb", 10, &[1.0]),
            measurement("scan, 2 threads", "stridedb", 10, &[1.0]),
        ];
        let groups = groups(tables(&all));
        let found: Vec<_> = groups
            .iter()
            .map(|group| {
                let places: Vec<_> = group.tables.iter().map(|(place, _)| *place).collect();
                (group.name, group.along, places)
            })
            .collect();
        let expected = [
            ("get", Along::Records, vec![10, 100, 1000]),
            ("commit", Along::Threads, vec![1, 2, 16]),
            ("scan, 1 thread", Along::Nothing, vec![0]),
            ("scan, 2 threads", Along::Nothing, vec![0]),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn an_engine_that_was_measured_twice_is_there_once() {
        let all = [
            measurement("get", "stridedb", 10, &[1.0]),
            measurement("get", "other", 10, &[3.0]),
            measurement("get", "stridedb", 10, &[2.0]),
        ];
        let tables = tables(&all);
        assert_eq!(tables.len(), 1);
        assert_eq!(tables[0].rows.len(), 2);
        let times = tables[0].times_ours("other").map(|times| times.median());
        assert_eq!(times, Some(3.0));
    }
}
