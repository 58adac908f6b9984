//! Readers beside writers that go on, stop, die and come again.

mod bank;
mod chronicle;
mod growth;
mod killed;
mod marks;
mod media;
mod news;
mod places;
mod recovering;
mod reuse;
mod stopped;
mod torture;
mod turns;
mod whole;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::common::{Random, number_from};

/// Does a child's task: its name, and what it is to be done with.
pub(crate) fn perform(task: &str, path: &Path) {
    let (name, rest) = task.split_once(": ").unwrap_or((task, ""));
    let number = || rest.parse().unwrap_or_else(|_| panic!("{task}: no number"));
    match name {
        "write the chronicle" => chronicle::write(path, number()),
        "write the chronicle and close" => chronicle::write_and_close(path, number()),
        "read the chronicle" => chronicle::read_along(path),
        "open and write nothing" => recovering::open_and_write_nothing(path),
        "move money" => bank::move_money_until_killed(path),
        "wait for a commit" => news::wait_for_a_commit(path, number()),
        "append in turn" => turns::append_in_turn(path, rest),
        "recover in turn" => recovering::recover_in_turn(path, number()),
        "read beyond what was cut" => places::read_beyond_what_was_cut(path),
        "read what was longer" => growth::read_what_was_longer(path),
        "read as somebody else" => media::read_as_somebody_else(path),
        "torture" => torture::read_along(path),
        unknown => panic!("no child knows the task `{unknown}`"),
    }
}

/// Runs `write`, and beside it so many threads that call `read` again and again, at least once
/// before it and once after it; what it returned, and how often they read.
fn beside<T>(
    threads: u64,
    read: impl Fn(&mut Random) + Sync,
    write: impl FnOnce() -> T,
) -> (T, u64) {
    let has_ended = AtomicBool::new(false);
    let seed = number_from("STRIDEDB_SEED", 1);
    std::thread::scope(|scope| {
        let read = &read;
        let has_ended = &has_ended;
        let reading = |thread: u64| {
            let mut random = Random(seed + thread);
            read(&mut random);
            move || {
                let mut count = 1;
                loop {
                    let is_last = has_ended.load(Ordering::Acquire);
                    read(&mut random);
                    count += 1;
                    if is_last {
                        return count;
                    }
                }
            }
        };
        let threads: Vec<_> = (0..threads).map(|thread| scope.spawn(reading(thread))).collect();
        // Also if the writer panics, readers come to an end.
        let end = AtEnd(has_ended);
        let result = write();
        drop(end);
        (result, threads.into_iter().map(|thread| thread.join().unwrap()).sum())
    })
}

struct AtEnd<'a>(&'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
