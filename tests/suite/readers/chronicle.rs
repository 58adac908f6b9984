//! A store of which each commit is known beforehand: whoever reads it as of a commit can say what
//! must be there, slot by slot.
//!
//! The first commit makes some marks. Each later one changes several of them, and appends one; all
//! of these count the commit's number.

use std::path::Path;
use std::sync::Mutex;

use stridedb::{Error, Reader, Snapshot, Store};

use super::marks::{Mark, make_marks};
use crate::children::{say, wait_for_parent};
use crate::common::Random;

/// Marks that are changed again and again.
pub(super) const CHANGED: u64 = 64;

pub(super) fn make_chronicle(path: &Path) {
    make_marks(path, CHANGED);
}

/// The slots that a commit changes.
fn changed_by(commit: u64) -> impl Iterator<Item = u64> {
    let mut random = Random(commit);
    (0..1 + random.below(8)).map(move |_| random.below(CHANGED)).collect::<Vec<_>>().into_iter()
}

pub(super) fn commit_number(store: &Store<Mark>) -> u64 {
    store.as_raw().statistics().unwrap().commit_number
}

/// Makes the next commit; its number.
pub(super) fn commit_next(store: &mut Store<Mark>) -> u64 {
    let commit = commit_number(store) + 1;
    store
        .write(|transaction| {
            for index in changed_by(commit) {
                transaction.update(index, &Mark::new(index, commit))?;
            }
            transaction.append(&Mark::new(transaction.len(), commit)).map(drop)
        })
        .unwrap();
    assert_eq!(commit_number(store), commit);
    commit
}

/// Goes on with the chronicle, and says each commit that has returned; for ever, if `count` is 0.
pub(super) fn write(path: &Path, count: u64) {
    let mut store = Store::<Mark>::open(path).unwrap();
    say(&commit_number(&store).to_string());
    for _ in 0..if count == 0 { u64::MAX } else { count } {
        say(&commit_next(&mut store).to_string());
    }
    wait_for_parent();
}

/// The same for so many commits, and closes the store.
pub(super) fn write_and_close(path: &Path, count: u64) {
    let mut store = Store::<Mark>::open(path).unwrap();
    say(&commit_number(&store).to_string());
    for _ in 0..count {
        say(&commit_next(&mut store).to_string());
    }
    store.close().unwrap();
}

/// What the commits that are known so far have changed.
pub(super) struct Chronicle {
    known: Mutex<Known>,
}

struct Known {
    commit: u64,
    /// The commits that changed each slot, in order.
    of_slots: Vec<Vec<u64>>,
}

impl Chronicle {
    pub(super) fn new() -> Self {
        let of_slots = vec![vec![]; CHANGED as usize];
        Self { known: Mutex::new(Known { commit: 1, of_slots }) }
    }

    /// What all slots that are changed again and again count as of a commit.
    fn counts(&self, commit: u64) -> Vec<u64> {
        let mut known = self.known.lock().unwrap();
        while known.commit < commit {
            known.commit += 1;
            let next = known.commit;
            for index in changed_by(next) {
                known.of_slots[index as usize].push(next);
            }
        }
        let count = |commits: &Vec<u64>| {
            commits.partition_point(|&c| c <= commit).checked_sub(1).map_or(0, |at| commits[at])
        };
        known.of_slots.iter().map(count).collect()
    }

    /// Fails unless a snapshot is what it must be as of its commit; that commit.
    #[track_caller]
    pub(super) fn check(&self, snapshot: &Found) -> u64 {
        let commit = snapshot.commit;
        assert_eq!(snapshot.len, CHANGED + commit - 1, "slots as of commit {commit}");
        assert_eq!(snapshot.live_count, snapshot.len, "records as of commit {commit}");
        assert_eq!(snapshot.counts, self.counts(commit), "as of commit {commit}");
        for &(index, count) in &snapshot.appended {
            assert_eq!(count, index - CHANGED + 2, "record {index} as of commit {commit}");
        }
        commit
    }

    /// Reads the store as of one commit and checks all of it, and of what was appended the last one
    /// and some others; that commit. Beside a writer at full speed it is tried again and again.
    ///
    /// # Errors
    ///
    /// Those of reading; whatever is read must be right.
    pub(super) fn look(&self, reader: &Reader<Mark>, random: &mut Random) -> Result<u64, Error> {
        let seed = random.below(u64::MAX);
        for _ in 0..10_000 {
            match reader.read(|snapshot| Found::read(snapshot, &mut Random(seed))) {
                Err(Error::Contended { .. }) => {}
                found => return Ok(self.check(&found?)),
            }
        }
        panic!("no snapshot in 10,000 reads");
    }

    /// Reads single records, each of which must be whole, and in its place.
    ///
    /// # Errors
    ///
    /// Those of reading.
    pub(super) fn glance(&self, reader: &Reader<Mark>, random: &mut Random) -> Result<(), Error> {
        let len = reader.len()?;
        for index in [random.below(CHANGED), random.below(len), len - 1] {
            let count = reader.get(index)?.expect("nothing is removed").count_at(index);
            if index >= CHANGED {
                assert_eq!(count, index - CHANGED + 2);
            }
        }
        let from = random.below(len);
        let mut expected = from;
        for entry in reader.range(from..from + 40)? {
            let (index, mark) = entry?;
            assert_eq!(index.get(), expected);
            mark.count_at(index.get());
            expected += 1;
        }
        assert!(expected >= (from + 40).min(len), "{expected} of {len}");
        Ok(())
    }
}

/// What a snapshot holds.
pub(super) struct Found {
    pub(super) commit: u64,
    len: u64,
    live_count: u64,
    counts: Vec<u64>,
    appended: Vec<(u64, u64)>,
}

impl Found {
    fn read(snapshot: &Snapshot<'_, Mark>, random: &mut Random) -> Result<Self, Error> {
        let len = snapshot.len();
        let count = |index: u64| match snapshot.get(index) {
            Ok(Some(mark)) => Ok(mark.count_at(index)),
            Ok(None) => panic!("record {index} is gone"),
            Err(error) => Err(error),
        };
        let appended = (0..3).map(|_| CHANGED + random.below((len - CHANGED).max(1)));
        let appended = appended.chain([len - 1]).filter(|&index| (CHANGED..len).contains(&index));
        Ok(Self {
            commit: snapshot.commit_number(),
            len,
            live_count: snapshot.live_count(),
            counts: (0..CHANGED).map(count).collect::<Result<_, _>>()?,
            appended: appended
                .map(|index| Ok((index, count(index)?)))
                .collect::<Result<_, Error>>()?,
        })
    }
}

/// Reads until the parent lets go, and says how far it came.
pub(super) fn read_along(path: &Path) {
    let (chronicle, reader) = (Chronicle::new(), Reader::<Mark>::open(path).unwrap());
    say("reads");
    let waiting = std::thread::spawn(wait_for_parent);
    let (mut random, mut commit, mut count) = (Random(u64::from(std::process::id())), 0, 0);
    while !waiting.is_finished() {
        let found = chronicle.look(&reader, &mut random).unwrap();
        assert!(found >= commit, "commit {found} after {commit}");
        commit = found;
        chronicle.glance(&reader, &mut random).unwrap();
        count += 1;
    }
    say(&format!("{count} snapshots, the last one as of commit {commit}"));
}
