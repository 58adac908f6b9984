//! What the file system on which a file stands can and cannot do.

use std::fs::File;

use super::platform::{self, file_system_of};

const EXT: u32 = 0xEF53;
const TMPFS: u32 = 0x0102_1994;
const XFS: u32 = 0x5846_5342;
const BTRFS: u32 = 0x9123_683E;
const PROC: u32 = 0x0000_9FA0;
const SYSFS: u32 = 0x6265_6572;

/// Whether the kernel makes up what the file says, so that it has no bytes to be mapped.
pub(super) fn is_made_up(file: &File) -> bool {
    matches!(file_system_of(file), Some(PROC | SYSFS))
}

/// Whether a block of the file may be shared, by a reflink or a snapshot, so that writing into it
/// can need a new one: no, on file systems that cannot share any.
pub(super) fn may_share_blocks(file: &File) -> bool {
    !matches!(file_system_of(file), Some(EXT | TMPFS))
}

/// Whether writing into a block may need a new one each time: no, on file systems that write in
/// place once a block is not shared any more.
pub(super) fn may_move_blocks(file: &File) -> bool {
    match file_system_of(file) {
        Some(EXT | TMPFS | XFS) => false,
        Some(BTRFS) => !platform::is_written_in_place(file),
        _ => true,
    }
}

/// Asks for an empty file that it be written in place, where the file system would else move what
/// is written: then room that was made for it stays its room. What such a file system thereby does
/// without, checksums, all our structures have of their own.
pub(super) fn write_in_place(file: &File) {
    if file_system_of(file) == Some(BTRFS) {
        platform::ask_to_write_in_place(file);
    }
}

/// What to call the network file system on which the file stands, if it is one.
pub(super) fn network_of(file: &File) -> Option<&'static str> {
    file_system_of(file).and_then(network_name)
}

/// File systems that other machines may have mounted as well. FUSE is among them, since anything
/// can be behind it.
fn network_name(number: u32) -> Option<&'static str> {
    Some(match number {
        0x0000_6969 => "NFS",
        0x0000_517B | 0xFE53_4D42 | 0xFF53_4D42 => "SMB",
        0x0102_1997 => "9P",
        0x6573_5546 => "FUSE",
        0x5346_414F | 0x6B41_4653 => "AFS",
        0x00C3_6400 => "Ceph",
        0x0BD0_0BD0 => "Lustre",
        0x4750_4653 => "GPFS",
        0x1983_0326 => "BeeGFS",
        0x0116_1970 => "GFS2",
        0x7461_636F => "OCFS2",
        0x7375_7245 => "Coda",
        0x786F_4256 => "a folder shared with a virtual machine",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_told_from_local_ones() {
        const ZFS: u32 = 0x2FC1_2FC1;
        for local in [EXT, XFS, BTRFS, TMPFS, ZFS] {
            assert_eq!(network_name(local), None, "{local:#x}");
        }
        let names = [0x6969, 0xFF53_4D42, 0x6573_5546].map(network_name);
        assert_eq!(names, [Some("NFS"), Some("SMB"), Some("FUSE")]);
    }
}
