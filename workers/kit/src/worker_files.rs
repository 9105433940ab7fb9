//! Names in a home's data that every worker has to know.

/// The variable that says where they are.
pub const DATA_DIR: &str = protocol::worker::DATA_DIR;
/// There while a restore puts files in their places. A restore that was cut off leaves it: until betti-backup has finished it, no
/// worker may make an empty database where an old one is about to be put.
pub const RESTORE_UNFINISHED: &str = "restore-unfinished.json";
