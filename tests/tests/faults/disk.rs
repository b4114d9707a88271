//! What may be on the disk after a power cut.
//!
//! What a sync covered is there. Of what was written since, every piece of a file is as it was at some instant
//! between that sync and the cut, independently of every other piece: that is what a page cache that writes back as
//! it likes, and a disk that reorders and tears, leave behind. A piece is a sector, a page, or the whole file. Names
//! come and go in order, as a filesystem's journal keeps them, and are there for certain after a sync of the
//! directory or of the file that they stand for.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::ops::Range;
use std::path::Path;

use rand::Rng;
use rand::rngs::StdRng;

use crate::trace::{Event, Trace};

/// The sizes of pieces: a sector, a page of the cache, and more than any file has.
const PIECES_BYTES: [usize; 3] = [512, 4096, usize::MAX];

/// The files of one directory.
#[derive(Default)]
pub(crate) struct Disk {
    files: BTreeMap<u32, File>,
    durable_names: BTreeMap<String, u32>,
    pending_names: Vec<NameChange>,
}

#[derive(Default)]
struct File {
    durable: Vec<u8>,
    pending: Vec<Change>,
}

enum Change {
    Write { at: usize, bytes: Range<usize> },
    Length(usize),
}

#[derive(Clone)]
enum NameChange {
    Create(String, u32),
    Unlink(String),
}

impl Disk {
    /// Returns the disk that holds what is in a directory, all of it for certain.
    pub(crate) fn of(directory: &Path) -> Self {
        let mut disk = Self::default();
        for (entry, number) in fs::read_dir(directory).expect("it can be listed").zip((0..=u32::MAX).rev()) {
            let entry = entry.expect("it can be listed");
            let name = entry.file_name().into_string().expect("names are text");
            let durable = fs::read(entry.path()).expect("it can be read");
            disk.files.insert(number, File { durable, pending: Vec::new() });
            disk.durable_names.insert(name, number);
        }
        disk
    }

    /// Lets an event happen.
    pub(crate) fn take(&mut self, event: &Event, trace: &Trace) {
        match event.clone() {
            Event::Write { file, at, bytes } => self.change(file, Change::Write { at, bytes }),
            Event::Length { file, length } => self.change(file, Change::Length(length)),
            Event::Create { file, name, is_old: true } => self.recognize(file, name),
            Event::Create { file, name, is_old: false } => {
                self.pending_names.push(NameChange::Create(name, file));
            }
            Event::Unlink { name } => self.pending_names.push(NameChange::Unlink(name)),
            Event::DirectorySync => self.keep_names(self.pending_names.len()),
            Event::Sync { file } => {
                self.files.entry(file).or_default().keep(trace);
                let own = |change: &NameChange| matches!(change, NameChange::Create(_, of) if *of == file);
                if let Some(place) = self.pending_names.iter().position(own) {
                    self.keep_names(place + 1);
                }
            }
            Event::Told(_) | Event::Fault { .. } => {}
        }
    }

    /// Writes the disk that has only what is certain to be there.
    pub(crate) fn write_certain(&self, directory: &Path) {
        for (name, file) in &self.durable_names {
            let bytes = self.files.get(file).map_or(&[][..], |file| &file.durable);
            fs::write(directory.join(name), bytes).expect("an image can be written");
        }
    }

    /// Writes a disk that may be there.
    pub(crate) fn write_possible(&self, directory: &Path, trace: &Trace, rng: &mut StdRng) {
        let mut names = self.durable_names.clone();
        let kept = rng.random_range(0..=self.pending_names.len());
        self.pending_names[..kept].iter().for_each(|change| change.apply(&mut names));
        for (name, file) in names {
            let bytes = self.files.get(&file).map_or_else(Vec::new, |file| file.possible(trace, rng));
            fs::write(directory.join(name), bytes).expect("an image can be written");
        }
    }

    /// From now on a file that was there from the start goes by this number.
    fn recognize(&mut self, file: u32, name: String) {
        let Some(former) = self.durable_names.get(&name).and_then(|number| self.files.remove(number)) else {
            return;
        };
        self.files.insert(file, former);
        self.durable_names.insert(name, file);
    }

    fn change(&mut self, file: u32, change: Change) {
        self.files.entry(file).or_default().pending.push(change);
    }

    fn keep_names(&mut self, count: usize) {
        for change in self.pending_names.drain(..count) {
            change.apply(&mut self.durable_names);
        }
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<String, u32>) {
        match self {
            Self::Create(name, file) => names.insert(name.clone(), *file),
            Self::Unlink(name) => names.remove(name),
        };
    }
}

impl File {
    /// Makes everything durable.
    fn keep(&mut self, trace: &Trace) {
        for change in self.pending.drain(..) {
            match change {
                Change::Write { at, bytes } => put(&mut self.durable, at, trace.bytes(&bytes)),
                Change::Length(length) => self.durable.resize(length, 0),
            }
        }
    }

    /// Returns what the file may hold.
    fn possible(&self, trace: &Trace, rng: &mut StdRng) -> Vec<u8> {
        let mut file = self.durable.clone();
        if self.pending.is_empty() {
            return file;
        }
        let changes = self.pending.len();
        let piece_bytes = PIECES_BYTES[rng.random_range(0..PIECES_BYTES.len())];
        let length_is_of = some_instant(changes, rng);
        // Up to which change each piece is written.
        let mut pieces = HashMap::new();
        let mut length = file.len();
        for (place, change) in self.pending.iter().enumerate() {
            let counts = place < length_is_of;
            match change {
                Change::Length(new) if counts => {
                    file.truncate(*new);
                    length = *new;
                }
                Change::Length(_) => {}
                Change::Write { at, bytes } => {
                    let bytes = trace.bytes(bytes);
                    if counts {
                        length = length.max(at + bytes.len());
                    }
                    for (from, part) in parts(*at, bytes, piece_bytes) {
                        let piece = pieces.entry(from / piece_bytes);
                        if place < *piece.or_insert_with(|| some_instant(changes, rng)) {
                            put(&mut file, from, part);
                        }
                    }
                }
            }
        }
        file.resize(length, 0);
        file
    }
}

/// Returns before which of so many changes: often before all, often after all.
fn some_instant(changes: usize, rng: &mut StdRng) -> usize {
    match rng.random_range(0..3) {
        0 => 0,
        1 => changes,
        _ => rng.random_range(0..=changes),
    }
}

/// Cuts a write at the borders of pieces.
fn parts(mut at: usize, mut bytes: &[u8], piece_bytes: usize) -> Vec<(usize, &[u8])> {
    let mut parts = Vec::new();
    while !bytes.is_empty() {
        let (part, rest) = bytes.split_at((piece_bytes - at % piece_bytes).min(bytes.len()));
        parts.push((at, part));
        (at, bytes) = (at + part.len(), rest);
    }
    parts
}

fn put(file: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}
