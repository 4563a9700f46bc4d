//! Work on several values at a time.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::thread;

/// Does the work on each item, on the cores that this process may use: in this thread, if there is but one. Results come in the order of the
/// items; of several errors, the one of the earliest item counts.
///
/// # Errors
/// When the work on an item fails.
pub fn map<T: Send, R: Send, E: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> Result<R, E> + Sync,
) -> Result<Vec<R>, E> {
    let mut results = Vec::with_capacity(items.len());
    for_each(items, work, |result| results.push(result))?;
    Ok(results)
}

/// As [`map`], but takes each result as soon as it and those before it are there. After an error, no more work
/// is begun.
///
/// # Errors
/// When the work on an item fails.
pub fn for_each<T: Send, R: Send, E: Send>(
    items: Vec<T>,
    work: impl Fn(T) -> Result<R, E> + Sync,
    mut take: impl FnMut(R),
) -> Result<(), E> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(items.len());
    if threads == 1 {
        return items.into_iter().try_for_each(|item| work(item).map(&mut take));
    }
    let waiting = Mutex::new(items.into_iter().enumerate());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let (sender, done) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let sender = sender.clone();
            scope.spawn(|| {
                let sender = sender;
                while let Some((index, item)) = next() {
                    let result = work(item);
                    let is_last = result.is_err();
                    // After an error nobody takes results any more.
                    if sender.send((index, result)).is_err() || is_last {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut early = BTreeMap::new();
        let mut expected = 0;
        for (index, result) in done {
            early.insert(index, result);
            while let Some(result) = early.remove(&expected) {
                take(result?);
                expected += 1;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_and_errors_are_in_the_order_of_the_items() {
        let items: Vec<u32> = (0..100).collect();
        let doubled = map(items.clone(), |item| Ok::<_, u32>(2 * item)).expect("no work fails");
        assert_eq!(doubled, items.iter().map(|item| 2 * item).collect::<Vec<_>>());

        let failing = |item: u32| if item < 30 { Ok(item) } else { Err(item) };
        assert_eq!(map(items.clone(), failing), Err(30));
        assert_eq!(map(Vec::new(), failing), Ok(Vec::new()));

        let mut taken = Vec::new();
        assert_eq!(for_each(items, failing, |item| taken.push(item)), Err(30));
        assert_eq!(taken, (0..30).collect::<Vec<_>>());
    }
}
