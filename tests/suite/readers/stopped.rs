//! Writers that stop in the middle, for good or for a while, and slots that only look like that.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use stridedb::format::Corruption;
use stridedb::format::geometry::{Geometry, LIVE_OFFSET, SlotIndex};
use stridedb::{Error, Reader, Store};

use super::chronicle::{CHANGED, Chronicle, commit_next, make_chronicle};
use super::marks::Mark;
use crate::children::Child;
use crate::common::{Random, directory, number_from, run};

/// A store's file, which is changed behind everybody's back.
struct Meddler {
    file: File,
    geometry: Geometry,
}

impl Meddler {
    fn new(path: &Path, geometry: Geometry) -> Self {
        Self { file: File::options().read(true).write(true).open(path).unwrap(), geometry }
    }

    /// Changes bit 0 of the tag of a slot: it is being written, or not any more.
    fn flip_tag(&self, index: u64) {
        let start = self.geometry.slot_offset(SlotIndex::new(index)).unwrap();
        self.flip(start + u64::from(self.geometry.area_size()) + 4);
    }

    /// Changes bit 0 of the counter of transactions.
    fn flip_sequence(&self) {
        self.flip(LIVE_OFFSET);
    }

    /// Changes bit 0 of the counter of publications.
    fn flip_publication(&self) {
        self.flip(LIVE_OFFSET + 8);
    }

    fn flip(&self, offset: u64) {
        let mut byte = [0];
        self.file.read_exact_at(&mut byte, offset).unwrap();
        self.file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
    }
}

#[track_caller]
fn assert_busy<T: std::fmt::Debug>(result: Result<T, Error>) {
    match result {
        Err(Error::Busy { waited, .. }) => {
            assert!(waited >= Duration::from_secs(1), "gave up after {waited:?}");
            assert!(waited < Duration::from_secs(60), "gave up after {waited:?}");
        }
        other => panic!("expected `Busy`, found {other:?}"),
    }
}

#[track_caller]
fn assert_being_written<T: std::fmt::Debug>(result: Result<T, Error>) {
    let being_written = matches!(
        result,
        Err(Error::Corrupt { corruption: Corruption::SlotBeingWritten { .. }, .. })
    );
    assert!(being_written, "{result:?}");
}

/// A writer lives, and is in the middle of a transaction as far as the file says. Readers do not
/// wait for ever, and go on when it does; what is not in the middle is read meanwhile.
#[test]
fn a_writer_in_the_middle_of_a_transaction_makes_readers_busy_and_no_more() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let mut store = Store::<Mark>::open(&path).unwrap();
    commit_next(&mut store);
    let (chronicle, mut random) = (Chronicle::new(), Random(1));
    let reader = store.reader().unwrap();
    chronicle.look(&reader, &mut random).unwrap();
    let meddler = Meddler::new(&path, *reader.as_raw().geometry());
    meddler.flip_sequence();
    meddler.flip_tag(3);
    assert_busy(reader.get(3));
    assert_busy(chronicle.look(&reader, &mut random));
    reader.get(4).unwrap().unwrap().count_at(4);
    assert_eq!(reader.len().unwrap(), CHANGED + 1);
    meddler.flip_tag(3);
    reader.get(3).unwrap().unwrap().count_at(3);
    assert_busy(chronicle.look(&reader, &mut random));
    meddler.flip_sequence();
    assert_eq!(chronicle.look(&reader, &mut random).unwrap(), 2);
    meddler.flip_publication();
    assert_busy(reader.len());
    assert_busy(Reader::<Mark>::open(&path).and_then(|reader| reader.len()));
    meddler.flip_publication();
    assert_eq!(commit_next(&mut store), 3);
    assert_eq!(chronicle.look(&reader, &mut random).unwrap(), 3);
}

/// A writer lives and does nothing, or nobody writes: a slot that says that it is being written is
/// damaged, and that is said at once.
#[test]
fn a_slot_that_nobody_writes_and_says_so_is_corrupt() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let reader = Reader::<Mark>::open(&path).unwrap();
    let meddler = Meddler::new(&path, *reader.as_raw().geometry());
    meddler.flip_tag(3);
    let start = Instant::now();
    let check = |reader: &Reader<Mark>| {
        assert_being_written(reader.get(3));
        assert_being_written(reader.read(|snapshot| snapshot.get(3)));
        let found: Vec<_> = reader.iter().unwrap().collect();
        assert_eq!(found.iter().filter(|found| found.is_err()).count(), 1);
        assert_eq!(found.len() as u64, CHANGED);
    };
    for _ in 0..100 {
        check(&reader);
    }
    let store = Store::<Mark>::open(&path).unwrap();
    check(&reader);
    check(&store.reader().unwrap());
    // A reader that waited would have taken seconds for each.
    assert!(start.elapsed() < Duration::from_secs(100), "{:?}", start.elapsed());
    meddler.flip_tag(3);
    reader.get(3).unwrap().unwrap().count_at(3);
}

/// A writer is killed in the middle of a slot and of its transaction. The journal has the slot, and
/// readers that were there before find it there.
#[test]
fn a_slot_in_which_a_writer_died_is_read_from_the_journal() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let mut child = Child::start("write the chronicle: 40", &path);
    let chronicle = Chronicle::new();
    let (reader, mut random) = (Reader::<Mark>::open(&path).unwrap(), Random(1));
    let last = (0..41).map(|_| child.hear().unwrap().parse::<u64>().unwrap()).last().unwrap();
    assert_eq!(chronicle.look(&reader, &mut random).unwrap(), last);
    child.kill();
    let meddler = Meddler::new(&path, *reader.as_raw().geometry());
    meddler.flip_sequence();
    let appended = CHANGED + last - 2;
    meddler.flip_tag(appended);
    assert_eq!(reader.get(appended).unwrap().unwrap().count_at(appended), last);
    for reader in [&reader, &Reader::open(&path).unwrap()] {
        assert_eq!(chronicle.look(reader, &mut random).unwrap(), last);
        chronicle.glance(reader, &mut random).unwrap();
        assert_eq!(reader.iter().unwrap().filter(Result::is_ok).count() as u64, appended + 1);
    }
    assert_eq!(commit_next(&mut Store::open(&path).unwrap()), last + 1);
    assert_eq!(chronicle.look(&reader, &mut random).unwrap(), last + 1);
    reader.get(appended).unwrap().unwrap().count_at(appended);
}

/// A writer is stopped again and again, wherever it is, and goes on: each read meanwhile is right
/// or says that it is busy, and afterwards all goes on.
#[test]
fn a_writer_that_is_stopped_and_goes_on_takes_nothing_from_readers() {
    let stops = number_from("STRIDEDB_STOPS", 20);
    let directory = directory();
    let path = directory.path().join("s.stride");
    make_chronicle(&path);
    let mut child = Child::start("write the chronicle: 0", &path);
    child.hear().unwrap();
    let signal = |name: &str, id: u32| {
        run("sh", &["-c", &format!("kill -{name} {id}")]).map(drop).unwrap();
    };
    let id = child.id();
    let (chronicle, reader) = (Chronicle::new(), Reader::<Mark>::open(&path).unwrap());
    let mut random = Random(number_from("STRIDEDB_SEED", 1));
    let (mut busy, mut newest) = (0, 0);
    // Somebody has to listen, or the child waits for that.
    let listening = std::thread::spawn(move || while child.hear().is_some() {});
    for _ in 0..stops {
        std::thread::sleep(Duration::from_micros(random.below(3000)));
        signal("STOP", id);
        match chronicle.look(&reader, &mut random) {
            Ok(commit) => {
                assert!(commit >= newest, "{commit} after {newest}");
                newest = commit;
            }
            Err(Error::Busy { .. }) => busy += 1,
            Err(error) => panic!("{error}"),
        }
        match chronicle.glance(&reader, &mut random) {
            Ok(()) | Err(Error::Busy { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        signal("CONT", id);
        assert!(reader.wait_for(newest + 1, Duration::from_secs(60)).unwrap());
        let commit = chronicle.look(&reader, &mut random).unwrap();
        assert!(commit > newest, "{commit} after {newest}");
        newest = commit;
    }
    signal("KILL", id);
    listening.join().unwrap();
    println!("{stops} stops, {busy} in the middle of a transaction, {newest} commits");
}
