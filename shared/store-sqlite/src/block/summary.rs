//! A block's summary: what can be known of its records without reading them.

use std::collections::HashMap;

use domain::{RecordBatch, Severity, Timestamp};

use super::Malformed;
use super::varint::{self, Reader};

const VERSION: u8 = 1;

/// The counts of a block, per service and severity, and the dictionary of its services.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// The names of the block's services; a record's service code is an index into it.
    pub services: Vec<String>,
    /// The counts; one for every service and severity that occur together.
    pub cells: Vec<Cell>,
}

/// How many records of a block have this service and severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// The service's code.
    pub service_code: u32,
    /// The severity.
    pub severity: Severity,
    /// How many records; at least one.
    pub count: u64,
    /// The latest timestamp among them.
    pub last_timestamp: Timestamp,
}

impl Summary {
    /// Summarises a batch.
    #[must_use]
    pub fn of(batch: &RecordBatch) -> Self {
        let mut places: HashMap<(u32, Severity), usize> = HashMap::new();
        let mut cells: Vec<Cell> = Vec::new();
        let codes = batch.service_codes().iter().zip(batch.severities());
        for ((service_code, severity), timestamp) in codes.zip(batch.timestamps()) {
            let place = *places.entry((*service_code, *severity)).or_insert(cells.len());
            if place == cells.len() {
                let (service_code, severity) = (*service_code, *severity);
                cells.push(Cell { service_code, severity, count: 0, last_timestamp: Timestamp::MIN });
            }
            let cell = &mut cells[place];
            cell.count += 1;
            cell.last_timestamp = cell.last_timestamp.max(*timestamp);
        }
        Self { services: batch.service_names().to_vec(), cells }
    }

    /// Returns the name of a cell's service.
    #[must_use]
    pub fn service_of(&self, cell: &Cell) -> &str {
        &self.services[cell.service_code as usize]
    }

    /// Writes the summary; `max_timestamp` is the block's.
    #[must_use]
    pub fn encode(&self, max_timestamp: Timestamp) -> Vec<u8> {
        let mut out = vec![VERSION];
        varint::put_usize(&mut out, self.services.len());
        for name in &self.services {
            varint::put_usize(&mut out, name.len());
            out.extend_from_slice(name.as_bytes());
        }
        varint::put_usize(&mut out, self.cells.len());
        for cell in &self.cells {
            varint::put(&mut out, u64::from(cell.service_code));
            out.push(cell.severity.number());
            varint::put(&mut out, cell.count);
            varint::put_signed(&mut out, max_timestamp.as_micros() - cell.last_timestamp.as_micros());
        }
        out
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn decode(bytes: &[u8], max_timestamp: Timestamp) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        reader.version(VERSION)?;
        let mut services = Vec::new();
        for _ in 0..reader.count()? {
            let length = reader.usize()?;
            let name =
                std::str::from_utf8(reader.bytes(length)?).map_err(|_| Malformed("a name is not UTF-8"))?;
            services.push(name.to_owned());
        }
        let mut cells = Vec::new();
        for _ in 0..reader.count()? {
            let service_code = reader.number()?;
            let severity = severity(reader.byte()?)?;
            let count = reader.number()?;
            let micros = max_timestamp.as_micros().wrapping_sub(reader.signed()?);
            if service_code >= services.len() as u64 {
                return Err(Malformed("a service code has no name"));
            }
            let last_timestamp = timestamp(micros)?;
            cells.push(Cell { service_code: service_code as u32, severity, count, last_timestamp });
        }
        Ok(Self { services, cells })
    }
}

/// Makes a severity of a stored number.
pub(crate) fn severity(number: u8) -> Result<Severity, Malformed> {
    Severity::from_number(u64::from(number)).map_err(|_| Malformed("a severity is out of range"))
}

/// Makes a timestamp of stored microseconds.
pub(super) fn timestamp(micros: i64) -> Result<Timestamp, Malformed> {
    Timestamp::from_micros(micros).map_err(|_| Malformed("a time is out of range"))
}
