//! What a store of one's own does for builds. `cargo run`

#![forbid(unsafe_code)]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use cnb_cache::namespace::Namespace;
use cnb_cache::namespace::Project;
use cnb_cache::record::Record;
use cnb_cache::store::Budget;
use cnb_cache::store::CacheStore;
use cnb_cache::store::ReadOnly;
use cnb_cache::store::Writer;
use custom_store::Bucket;
use custom_store::BucketStore;
use custom_store::MemoryBucket;

fn main() -> Result<(), Box<dyn Error>> {
    // A program of yours reads the clock; here an hour passes whenever somebody looks at it.
    let time = AtomicU64::new(1_700_000_000);
    let bucket = MemoryBucket::default();
    let store = BucketStore::new(bucket.clone(), Arc::new(move || time.fetch_add(3600, Ordering::Relaxed)));
    let project = |name: &str| Project::Name(name.to_owned());
    let [shop, web] =
        ["shop", "web"].map(|name| Namespace::new(project(name), "example.com/builder", "linux/amd64"));

    // A build leaves what the next one starts from.
    for (namespace, version) in [(&shop, "1"), (&web, "1"), (&shop, "2")] {
        let config =
            format!(r#"{{"rootfs":{{"diff_ids":[]}},"config":{{"Labels":{{"version":"{version}"}}}}}}"#);
        Record::new(config.as_bytes())?.save(&store, namespace, Writer::new(namespace))?;
    }
    let record = Record::load(&store, &shop.id())?.ok_or("it was saved")?;
    println!("the last build of shop was {:?}", record.label("version"));

    // A pull request may use that, and leaves nothing.
    let untrusted = ReadOnly::new(store.clone());
    assert_eq!(Record::load(&untrusted, &shop.id())?.as_ref(), Some(&record));
    let refused = record.save(&untrusted, &shop, Writer::new(&shop)).expect_err("it may only read");
    println!("a pull request cannot leave anything: {refused}");

    // Somebody who can write to the bucket cannot make a build use other bytes.
    let name = bucket.list("entries/web-")?.pop().ok_or("it was saved")?;
    let mut object = bucket.get(&name)?.ok_or("it is there")?;
    *object.last_mut().ok_or("it has bytes")? = b' ';
    bucket.put(&name, object)?;
    println!("web was poisoned: {}", Record::load(&store, &web.id()).expect_err("another content"));

    // Budgets hold.
    let pruned = store.prune(&Budget::unlimited().with_total(80))?;
    assert_eq!((pruned.entries.len(), store.namespaces()?.len()), (1, 1));
    println!("1 entry with {} bytes went", pruned.bytes);
    Ok(())
}
