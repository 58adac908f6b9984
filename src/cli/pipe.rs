//! Whether somebody still reads the output, while there is nothing to write.

use std::io;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Fails if standard output is a pipe that nobody reads any more, as writing to it would.
pub(crate) fn check_reader() -> io::Result<()> {
    let stdout = io::stdout();
    let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
    let now = Timespec::default();
    // What cannot be asked is no reason to stop.
    let _ = poll(&mut asked, Some(&now));
    match asked[0].revents().contains(PollFlags::ERR) {
        true => Err(io::ErrorKind::BrokenPipe.into()),
        false => Ok(()),
    }
}
