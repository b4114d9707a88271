//! `GET /api/v1/logs/export` and `GET /report/csv`

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use domain::{Filter, Principal, Scope, Timestamp};
use futures_util::{Stream, StreamExt, stream};
use poem::http::header::ACCEPT_ENCODING;
use poem::{Body, Request, Result};
use poem_openapi::ApiResponse;
use sentinel_http::{Problem, Standing};

use super::payloads::{Csv, ExportContent, Ndjson};
use super::{Context, too_many};
use crate::export::file::PAGE_RECORDS;
use crate::export::format::{FULL, REPORT};
use crate::export::{Encoding, Export, Format};
use crate::params::{Query, read_filter};
use crate::tail::start::newest_id;

/// The answer to an export.
#[derive(ApiResponse)]
pub(super) enum ExportAnswer {
    /// The file. One that cannot be completed breaks off: the connection ends before the body does.
    #[oai(status = 200)]
    File(
        ExportContent,
        /// The name of the file.
        #[oai(header = "Content-Disposition")]
        String,
        /// How it travels, if it is compressed.
        #[oai(header = "Content-Encoding")]
        Option<String>,
        /// That this depends on `Accept-Encoding`.
        #[oai(header = "Vary")]
        String,
    ),
}

/// The answer to an export for a report.
#[derive(ApiResponse)]
pub(super) enum ReportAnswer {
    /// The file. One that cannot be completed breaks off: the connection ends before the body does.
    #[oai(status = 200)]
    File(
        Csv,
        /// The name of the file.
        #[oai(header = "Content-Disposition")]
        String,
        /// How it travels, if it is compressed.
        #[oai(header = "Content-Encoding")]
        Option<String>,
        /// That this depends on `Accept-Encoding`.
        #[oai(header = "Vary")]
        String,
    ),
}

/// A file, and the headers that say so.
struct File {
    body: Body,
    disposition: String,
    encoding: Option<String>,
    vary: String,
}

pub(super) async fn handle_export(
    context: &Context,
    key: &Principal,
    request: &Request,
) -> Result<ExportAnswer> {
    let mut query = Query::of(request)?;
    let format = read_format(&mut query)?;
    let filter = read_rest(context, query)?;
    let File { body, disposition, encoding, vary } = begin(context, key, request, filter, format).await?;
    let content = match format {
        Format::Csv(_) => ExportContent::Csv(Csv(body)),
        Format::Ndjson => ExportContent::Ndjson(Ndjson(body)),
    };
    Ok(ExportAnswer::File(content, disposition, encoding, vary))
}

pub(super) async fn handle_report(
    context: &Context,
    key: &Principal,
    request: &Request,
) -> Result<ReportAnswer> {
    let filter = read_rest(context, Query::of(request)?)?;
    let file = begin(context, key, request, filter, Format::Csv(REPORT)).await?;
    Ok(ReportAnswer::File(Csv(file.body), file.disposition, file.encoding, file.vary))
}

fn read_format(query: &mut Query) -> Result<Format, Problem> {
    match query.take_one("format")?.as_deref() {
        None | Some("csv") => Ok(Format::Csv(FULL)),
        Some("ndjson") => Ok(Format::Ndjson),
        Some(_) => Err(Problem::invalid_parameter("format", "expected csv or ndjson")),
    }
}

fn read_rest(context: &Context, mut query: Query) -> Result<Filter, Problem> {
    let filter = read_filter(&mut query, context.clock.now(), false)?;
    query.finish()?;
    Ok(filter)
}

/// Begins an export: from here on, an error can only break it off.
async fn begin(
    context: &Context,
    key: &Principal,
    request: &Request,
    filter: Filter,
    format: Format,
) -> Result<File, Problem> {
    let place = context
        .streams
        .exports
        .take_place(&key.tenant)
        .map_err(|taken| too_many("exports", "too_many_exports", taken))?;
    let until = newest_id(&*context.streams.store, &key.tenant, context.deadline()).await?;
    let accepted = request.headers().get_all(ACCEPT_ENCODING).iter();
    let encoding = Encoding::of(accepted.filter_map(|value| value.to_str().ok()));
    let export = Export {
        store: Arc::clone(&context.streams.store),
        tenant: key.tenant.clone(),
        filter,
        until,
        format,
        encoding,
        page_records: PAGE_RECORDS,
    };
    let standing = Standing::of(request, Scope::Read)?;
    let file = while_allowed(export.into_stream(place).map_err(Problem::internal)?, standing);
    Ok(File {
        body: Body::from_bytes_stream(file),
        disposition: disposition(context.clock.now(), format),
        encoding: encoding.header().map(str::to_owned),
        vary: "Accept-Encoding".to_owned(),
    })
}

/// Breaks a file off when the key of its reader does not work any more: with an error, so that it does not look whole.
fn while_allowed(
    file: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    standing: Standing,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    let lost = Box::pin(async move { standing.lost().await });
    stream::unfold(Some((Box::pin(file), lost)), |state| async move {
        let (mut file, mut lost) = state?;
        tokio::select! {
            biased;
            () = &mut lost => Some((Err(io::ErrorKind::PermissionDenied.into()), None)),
            part = file.next() => part.map(|part| (part, Some((file, lost)))),
        }
    })
}

/// Returns the value of `Content-Disposition`: the name says when the export began.
fn disposition(now: Timestamp, format: Format) -> String {
    let digits: String = now.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
    let (day, time) = digits.split_at(8);
    format!("attachment; filename=\"logs-{day}-{time}.{}\"", format.extension())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_after_the_second_in_which_it_began() {
        for now in ["2025-04-01T12:00:09Z", "2025-04-01T12:00:09.000123Z"] {
            let now = Timestamp::parse(now).unwrap();
            assert_eq!(
                disposition(now, Format::Csv(FULL)),
                "attachment; filename=\"logs-20250401-120009.csv\""
            );
            assert!(disposition(now, Format::Ndjson).ends_with("-120009.ndjson\""));
        }
    }
}
