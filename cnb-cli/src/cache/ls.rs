//! `cnb cache ls`.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use cnb_cache::store::Entry;
use cnb_core::digest::Digest;
use cnb_oci::blob_store::kept::KeptBlob;
use cnb_oci::local::caches::StepCache;
use cnb_oci::local::roots::Root;
use serde_json::Value;
use serde_json::json;

use super::Kept;
use super::Place;
use crate::age;
use crate::exit::Result;
use crate::paths;
use crate::progress::print;
use crate::progress::readable;
use crate::size;

/// List whose builds keep what.
///
/// ENTRIES are what the store has, SIZE is that of their contents; contents that several have count for each of them. LAYERS
/// are those with `cache = true`, of builds with --backend local. Such builds also keep root file systems of images, and layers
/// as they are in images, for all namespaces together.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    place: Place,

    /// Print one JSON object: sizes in bytes, times in seconds since 1970.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<()> {
    let directory = args.place.directory()?;
    let kept = Kept::read(&directory, &args.place.store()?)?;
    let rows = rows(&kept);
    let total = total(&kept);
    print(&if args.json {
        as_json(&kept, &rows, total)
    } else {
        let now = paths::now();
        format!("{}{}\nTotal: {}\n", as_text(&rows, now), images(&kept, now), size::shown(total))
    })
}

/// What a namespace keeps.
#[derive(Default)]
struct Row<'a> {
    printed: &'a str,
    entries: &'a [Entry],
    layers: Vec<&'a StepCache>,
}

impl Row<'_> {
    fn size(&self) -> u64 {
        contents(self.entries)
    }

    fn layers(&self) -> u64 {
        self.layers.iter().map(|cache| cache.bytes).sum()
    }

    fn used(&self) -> Option<u64> {
        let of_layers = self.layers.iter().map(|cache| cache.used);
        self.entries.iter().map(|entry| entry.used).chain(of_layers).max()
    }
}

fn rows(kept: &Kept) -> BTreeMap<&str, Row<'_>> {
    let mut rows: BTreeMap<&str, Row<'_>> = BTreeMap::new();
    for (info, entries) in &kept.namespaces {
        let row = rows.entry(info.id.as_str()).or_default();
        (row.printed, row.entries) = (&info.printed, entries);
    }
    for cache in &kept.layers {
        rows.entry(cache.id.as_str()).or_default().layers.push(cache);
    }
    rows
}

/// Bytes of contents, each once.
fn contents<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> u64 {
    let mut seen: BTreeSet<&Digest> = BTreeSet::new();
    entries.into_iter().filter(|entry| seen.insert(&entry.digest)).map(|entry| entry.size).sum()
}

fn total(kept: &Kept) -> u64 {
    let entries = kept.namespaces.iter().flat_map(|(_, entries)| entries);
    let layers = kept.layers.iter().map(|cache| cache.bytes);
    let roots = kept.roots.iter().map(|root| root.bytes);
    let blobs = kept.blobs.iter().map(|blob| blob.bytes);
    contents(entries) + layers.chain(roots).chain(blobs).sum::<u64>()
}

/// What is kept of images, if anything is.
fn images(kept: &Kept, now: u64) -> String {
    let roots: Vec<(u64, u64)> = kept.roots.iter().map(|root| (root.bytes, root.used)).collect();
    let blobs: Vec<(u64, u64)> = kept.blobs.iter().map(|blob| (blob.bytes, blob.used)).collect();
    let line = |(of, what): (&[(u64, u64)], &str)| {
        let used = of.iter().map(|(_, used)| *used).max()?;
        let bytes = size::shown(of.iter().map(|(bytes, _)| bytes).sum());
        let used = age::ago(now.saturating_sub(used));
        Some(format!("{what}: {}, {bytes}, last used {used}\n", of.len()))
    };
    let lines: String = [(&*roots, "Root file systems"), (&*blobs, "Layers of images")]
        .into_iter()
        .filter_map(line)
        .collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

fn as_text(rows: &BTreeMap<&str, Row<'_>>, now: u64) -> String {
    let head = ["ID", "ENTRIES", "SIZE", "LAYERS", "LAST USED", "NAMESPACE"].map(str::to_owned);
    let cells = rows.iter().map(|(id, row)| {
        let used = row.used().map(|used| age::ago(now.saturating_sub(used)));
        [
            (*id).to_owned(),
            row.entries.len().to_string(),
            size::shown(row.size()),
            size::shown(row.layers()),
            used.unwrap_or_else(|| "-".to_owned()),
            readable(row.printed),
        ]
    });
    let table: Vec<[String; 6]> = std::iter::once(head).chain(cells).collect();
    let width = |column: usize| table.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..5).map(width).collect();
    let mut text = String::new();
    for [id, entries, size, layers, used, namespace] in &table {
        let line = format!(
            "{id:<0$}  {entries:>1$}  {size:>2$}  {layers:>3$}  {used:<4$}  {namespace}",
            widths[0], widths[1], widths[2], widths[3], widths[4]
        );
        writeln!(text, "{}", line.trim_end()).expect("writing to a string cannot fail");
    }
    text
}

fn as_json(kept: &Kept, rows: &BTreeMap<&str, Row<'_>>, total: u64) -> String {
    let layers = |cache: &&StepCache| json!({ "mode": cache.mode, "size": cache.bytes, "used": cache.used });
    let namespaces = rows.iter().map(|(id, row)| {
        json!({
            "id": id,
            "namespace": row.printed,
            "entries": row.entries,
            "size": row.size(),
            "layers": row.layers.iter().map(layers).collect::<Vec<_>>(),
            "used": row.used(),
        })
    });
    let root = |root: &Root| {
        let Root { mode, chain_id, bytes, used, .. } = root;
        json!({ "mode": mode, "chain": chain_id, "size": bytes, "used": used })
    };
    let blob = |blob: &KeptBlob| json!({ "digest": blob.digest, "size": blob.bytes, "used": blob.used });
    let json = json!({
        "namespaces": namespaces.collect::<Vec<Value>>(),
        "roots": kept.roots.iter().map(root).collect::<Vec<Value>>(),
        "blobs": kept.blobs.iter().map(blob).collect::<Vec<Value>>(),
        "size": total,
    });
    format!("{json:#}\n")
}
