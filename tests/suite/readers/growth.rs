//! The file grows while it is read.

use std::path::Path;

use stridedb::{Growth, OpenOptions, Reader, Store};

use super::beside;
use super::marks::{Mark, make_marks};
use crate::children::{Child, say, wait_for_parent};
use crate::common::directory;

/// A writer grows its file many times, in each way in which a mapping can follow. Readers, whose
/// own mappings follow in each way, were opened before that. They see all that is appended, and
/// each record is right.
#[test]
fn readers_follow_a_file_that_grows() {
    const GROWTHS: [Growth; 3] = [Growth::Reserve(64 << 30), Growth::Reserve(0), Growth::Remap];
    for writer_growth in GROWTHS {
        let directory = directory();
        let path = directory.path().join("s.stride");
        make_marks(&path, 1);
        let readers = GROWTHS.map(|growth| OpenOptions::new().growth(growth).read(&path).unwrap());
        let mut store = OpenOptions::new().growth(writer_growth).open::<Mark>(&path).unwrap();
        let read = |random: &mut crate::common::Random| {
            let reader: &Reader<Mark> = &readers[random.below(3) as usize];
            let len = reader.len().unwrap();
            for index in [0, random.below(len), len - 1] {
                reader.get(index).unwrap().expect("nothing is removed").count_at(index);
            }
            let last = reader.read(|snapshot| {
                let last = snapshot.len() - 1;
                Ok::<_, stridedb::Error>((last, snapshot.get(last)?))
            });
            let (last, mark) = last.unwrap();
            mark.expect("nothing is removed").count_at(last);
            assert!(last >= len - 1, "{last} after {len}");
        };
        let write = || {
            let statistics = |store: &Store<Mark>| store.as_raw().statistics().unwrap();
            for round in 0_u64.. {
                let len = store.len();
                store.extend((len..len + 997).map(|index| Mark::new(index, 0))).unwrap();
                store.append(&Mark::new(store.len(), 0)).unwrap();
                assert!(round < 100_000, "the file does not grow");
                if statistics(&store).growth_count >= 10 {
                    break;
                }
            }
            statistics(&store)
        };
        let (statistics, reads) = beside(2, read, write);
        for reader in &readers {
            assert_eq!(reader.len().unwrap(), statistics.len);
            let last = statistics.len - 1;
            reader.get(last).unwrap().unwrap().count_at(last);
            assert_eq!(reader.iter().unwrap().count() as u64, statistics.len);
        }
        println!(
            "{writer_growth:?}: {} records, {} growths, {} of them by another mapping, {reads} \
             reads meanwhile",
            statistics.len, statistics.growth_count, statistics.remap_count
        );
    }
}

/// Opens a file while it is longer than it stays, and reads it to its end.
pub(super) fn read_what_was_longer(path: &Path) {
    let reader = Reader::<Mark>::open(path).unwrap();
    say("open");
    wait_for_parent();
    for start in 0..reader.len().unwrap() {
        for entry in reader.range(start..).unwrap().take(3) {
            let (index, mark) = entry.unwrap();
            mark.count_at(index.get());
        }
    }
    say("read");
}

/// A writer that finds no room cuts its file back: some systems leave it longer when they refuse.
/// A reader that has looked at its length in between does not touch what is not there any more,
/// which would be a signal: it reads no slot that was not published.
#[test]
fn a_file_that_was_longer_for_a_moment_is_read_to_its_end() {
    let directory = directory();
    let path = directory.path().join("s.stride");
    let mut store = OpenOptions::new().maintenance(true).create::<Mark>(&path).unwrap();
    // The file ends with a page.
    let geometry = *store.as_raw().geometry();
    let len = (1..).find(|&len| geometry.file_len(len).unwrap() % 4096 == 0).unwrap();
    store.extend((0..len).map(|index| Mark::new(index, 0))).unwrap();
    store.shrink_to_fit().unwrap();
    store.close().unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let file_len = file.metadata().unwrap().len();
    assert_eq!(file_len % 4096, 0);
    file.set_len(file_len + (1 << 20)).unwrap();
    let mut child = Child::start("read what was longer", &path);
    child.expect("open");
    file.set_len(file_len).unwrap();
    child.finish();
}
