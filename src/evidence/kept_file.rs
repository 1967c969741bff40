//! One file of a run's directory that is written bit by bit: what is too large to be held as a text first.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// The file while it is written.
#[derive(Debug)]
pub struct KeptFile {
    pub(super) path: PathBuf,
    pub(super) opened: io::Result<BufWriter<File>>,
}

impl KeptFile {
    fn open(&mut self) -> io::Result<&mut BufWriter<File>> {
        self.opened.as_mut().map_err(|error| io::Error::from(error.kind()))
    }
}

impl Write for KeptFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.open()?.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.open()?.flush()
    }
}
