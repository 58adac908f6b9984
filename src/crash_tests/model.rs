//! What may be found after a crash, as the store promises it: one of its commits, whole.

/// A record by its number; `None` if it was removed.
pub(super) type Record = Option<u64>;

/// What a store holds: its slots, all of them and no more.
pub(super) type State = Vec<Record>;

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
    pub(super) records: State,
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
        match write {
            Write::Append => self.records.push(Some(numbers[0])),
            Write::Extend(count) => {
                self.records.extend(numbers[..count].iter().copied().map(Some));
            }
            Write::Abandon(_) => {}
            Write::Insert => match self.free.pop() {
                Some(index) => self.records[index] = Some(numbers[0]),
                None => self.records.push(Some(numbers[0])),
            },
            Write::Update(index) => self.records[index] = Some(numbers[0]),
            Write::Remove(index) => {
                self.records[index] = None;
                self.free.push(index);
            }
        }
    }

    pub(super) fn truncate(&mut self, len: usize) {
        if self.records[len..].contains(&None) {
            // The free slots that stay are linked anew, the first one at the head.
            let free = (0..len).filter(|&index| self.records[index].is_none());
            self.free = free.rev().collect();
        }
        self.records.truncate(len);
    }

    /// The indices of all records.
    pub(super) fn live(&self) -> Vec<usize> {
        (0..self.records.len()).filter(|&index| self.records[index].is_some()).collect()
    }
}

impl Promise {
    pub(super) fn one_of(states: Vec<State>) -> Self {
        Self { states, ..Self::default() }
    }

    /// Which of the states was found.
    pub(super) fn check(&self, found: &State) -> Result<usize, String> {
        let problems: Vec<_> = self.states.iter().map(|state| problem(state, found)).collect();
        if let Some(which) = problems.iter().position(Option::is_none) {
            return Ok(which);
        }
        let problems: Vec<_> = problems.into_iter().flatten().collect();
        Err(problems.join("; nor is it another of the states: "))
    }
}

/// In what something differs from a state.
fn problem(state: &State, found: &State) -> Option<String> {
    if state.len() != found.len() {
        return Some(format!("expected {} slots but found {}", state.len(), found.len()));
    }
    let index = state.iter().zip(found).position(|(expected, found)| expected != found)?;
    let text = |record: Record| record.map_or("none".to_owned(), |n| format!("record {n}"));
    let (expected, found) = (text(state[index]), text(found[index]));
    Some(format!("slot {index}: expected {expected} but found {found}"))
}
