//! What may be found after a crash, as the store promises it.

use std::fmt;

/// A record by its number; `None` if it was removed.
pub(super) type Record = Option<u64>;

/// What is found in a slot; `Err` if it fails its checksum.
pub(super) type Found = Result<Record, String>;

/// What a slot may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    /// The last synced record, and those that were written since.
    may_hold: Vec<Record>,
    /// It was written since the last sync, so that it may be there in parts, which it says.
    may_be_torn: bool,
}

/// One state in which a crash may leave the store: its slots, all of them and no more.
pub(super) type State = Vec<Slot>;

/// What must be found after a crash.
#[derive(Clone, Debug, Default)]
pub(super) struct Promise {
    /// One of these.
    pub(super) states: Vec<State>,
    /// There may be no file.
    pub(super) may_be_absent: bool,
    /// A step is under way: a meta may be there in parts, and a slot even after a kill.
    pub(super) under_way: bool,
}

/// A store as its user sees it, and as a crash may leave it.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// The records now.
    pub(super) records: Vec<Record>,
    /// The slots below the last synced `len`.
    synced: State,
}

impl Slot {
    fn exactly(record: Record) -> Self {
        Self { may_hold: vec![record], may_be_torn: false }
    }

    fn accepts(&self, found: &Found) -> bool {
        match found {
            Ok(record) => self.may_hold.contains(record),
            Err(_) => self.may_be_torn,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<_> = self.may_hold.iter().map(|record| text(*record)).collect();
        f.write_str(&texts.join(" or "))?;
        f.write_str(if self.may_be_torn { " or torn" } else { "" })
    }
}

fn text(record: Record) -> String {
    record.map_or("none".to_owned(), |number| format!("record {number}"))
}

impl Model {
    /// A slot is written: what was there, and what will be, may be found, or parts of both.
    pub(super) fn write(&mut self, index: usize, record: Record) {
        if let Some(slot) = self.synced.get_mut(index) {
            slot.may_hold.push(record);
            slot.may_be_torn = true;
        }
        match self.records.get_mut(index) {
            Some(old) => *old = record,
            None => self.records.push(record),
        }
    }

    /// The links in free slots are written.
    pub(super) fn relink(&mut self) {
        for slot in &mut self.synced {
            slot.may_be_torn |= slot.may_hold.contains(&None);
        }
    }

    /// The store's user sees `records`, and all of that is durable.
    pub(super) fn synced(&mut self, records: Vec<Record>) {
        self.synced = records.iter().copied().map(Slot::exactly).collect();
        self.records = records;
    }

    /// What is promised while nothing is synced.
    pub(super) fn promise(&self) -> Promise {
        Promise { states: vec![self.synced.clone()], ..Promise::default() }
    }

    /// What is promised while it is being made durable that the store holds `records`.
    pub(super) fn promise_or(&self, records: &[Record]) -> Promise {
        let then = records.iter().copied().map(Slot::exactly).collect();
        let states = vec![self.synced.clone(), then];
        Promise { states, under_way: true, ..Promise::default() }
    }
}

impl Promise {
    /// Either this or that.
    pub(super) fn or(mut self, other: Self) -> Self {
        self.states.extend(other.states);
        self.may_be_absent |= other.may_be_absent;
        self.under_way |= other.under_way;
        self
    }

    /// Free slots may be torn: opening was linking them anew when it stopped.
    pub(super) fn with_torn_free_slots(mut self) -> Self {
        for slot in self.states.iter_mut().flatten() {
            slot.may_be_torn |= slot.may_hold.contains(&None);
        }
        self
    }

    /// Whether this is what may be found if so many times opening it was cut short.
    pub(super) fn check_after(&self, depth: usize, found: &[Found]) -> Result<(), String> {
        if depth == 0 {
            self.check(found)
        } else {
            self.clone().with_torn_free_slots().check(found)
        }
    }

    /// Whether this is what may be found.
    pub(super) fn check(&self, found: &[Found]) -> Result<(), String> {
        let problems: Vec<_> = self.states.iter().map(|state| problem(state, found)).collect();
        if problems.contains(&None) {
            return Ok(());
        }
        let problems: Vec<_> = problems.into_iter().flatten().collect();
        Err(problems.join("; nor is it the state after it: "))
    }
}

/// In what something differs from a state.
fn problem(state: &State, found: &[Found]) -> Option<String> {
    if state.len() != found.len() {
        return Some(format!("expected {} slots but found {}", state.len(), found.len()));
    }
    let different = |(slot, found): &(&Slot, &Found)| !slot.accepts(found);
    let index = state.iter().zip(found).position(|pair| different(&pair))?;
    let found = found[index].clone().map_or_else(|problem| problem, text);
    Some(format!("slot {index}: expected {} but found {found}", state[index]))
}
