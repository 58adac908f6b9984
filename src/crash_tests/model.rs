//! What may be found after a crash, as the store promises it: one of its commits, whole.

/// A record by its number; `None` if it was removed.
pub(super) type Record = Option<u64>;

/// The slots of a store, all of them and no more.
pub(super) type Records = Vec<Record>;

/// What a store holds.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) records: Records,
    /// How often it was truncated, which each time uses up a generation of all its slots.
    pub(super) truncation_count: u16,
}

/// What must be found after a crash.
#[derive(Clone, Debug, Default)]
pub(super) struct Promise {
    /// One of these.
    pub(super) states: Vec<State>,
    /// There may be no file.
    pub(super) may_be_absent: bool,
    /// A step is under way, so that a page may be there in parts.
    pub(super) under_way: bool,
}

/// A store as its user sees it.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) state: State,
    /// Free slots, the one to be used next last.
    free: Vec<usize>,
}

/// One write.
#[derive(Clone, Copy, Debug)]
pub(super) enum Write {
    Append,
    Extend(usize),
    /// Appends records and then takes none of them.
    Abandon(usize),
    Insert,
    Update(usize),
    Remove(usize),
}

impl Model {
    pub(super) fn write(&mut self, write: Write, numbers: &[u64]) {
        let records = &mut self.state.records;
        match write {
            Write::Append => records.push(Some(numbers[0])),
            Write::Extend(count) => {
                records.extend(numbers[..count].iter().copied().map(Some));
            }
            Write::Abandon(_) => {}
            Write::Insert => match self.free.pop() {
                Some(index) => records[index] = Some(numbers[0]),
                None => records.push(Some(numbers[0])),
            },
            Write::Update(index) => records[index] = Some(numbers[0]),
            Write::Remove(index) => {
                records[index] = None;
                self.free.push(index);
            }
        }
    }

    pub(super) fn truncate(&mut self, len: usize) {
        let State { records, truncation_count } = &mut self.state;
        *truncation_count += 1;
        if records[len..].contains(&None) {
            // The free slots that stay are linked anew, the first one at the head.
            let free = (0..len).filter(|&index| records[index].is_none());
            self.free = free.rev().collect();
        }
        records.truncate(len);
    }

    /// The indices of all records.
    pub(super) fn live(&self) -> Vec<usize> {
        let records = &self.state.records;
        (0..records.len()).filter(|&index| records[index].is_some()).collect()
    }
}

impl Promise {
    pub(super) fn one_of(states: Vec<State>) -> Self {
        Self { states, ..Self::default() }
    }

    /// Which of the states was found.
    pub(super) fn check(&self, found: &Records) -> Result<usize, String> {
        let records = self.states.iter().map(|state| &state.records);
        let problems: Vec<_> = records.map(|records| problem(records, found)).collect();
        if let Some(which) = problems.iter().position(Option::is_none) {
            return Ok(which);
        }
        let problems: Vec<_> = problems.into_iter().flatten().collect();
        Err(problems.join("; nor is it another of the states: "))
    }
}

/// In what slots differ from those that are expected.
fn problem(expected: &Records, found: &Records) -> Option<String> {
    if expected.len() != found.len() {
        return Some(format!("expected {} slots but found {}", expected.len(), found.len()));
    }
    let index = expected.iter().zip(found).position(|(expected, found)| expected != found)?;
    let text = |record: Record| record.map_or("none".to_owned(), |n| format!("record {n}"));
    let (expected, found) = (text(expected[index]), text(found[index]));
    Some(format!("slot {index}: expected {expected} but found {found}"))
}
