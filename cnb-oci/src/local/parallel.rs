//! Work on several values at a time.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

use cnb_core::backend::Result;

/// Does the work on each item, on the cores that this process may use. Results come in the order of the
/// items; of several errors, the one of the earliest item counts.
pub(super) fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> Result<R> + Sync) -> Result<Vec<R>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(items.len());
    let waiting = Mutex::new(items.into_iter().enumerate());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let worker =
        || std::iter::from_fn(|| next().map(|(index, item)| (index, work(item)))).collect::<Vec<_>>();
    let mut done = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let done = workers.into_iter().flat_map(|worker| worker.join().expect("work does not panic"));
        done.collect::<Vec<_>>()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    use cnb_core::backend::Error;
    use cnb_core::backend::ErrorKind;

    use super::*;

    #[test]
    fn results_and_errors_are_in_the_order_of_the_items() {
        let items: Vec<u32> = (0..100).collect();
        let doubled = map(items.clone(), |item| Ok(2 * item)).expect("no work fails");
        assert_eq!(doubled, items.iter().map(|item| 2 * item).collect::<Vec<_>>());

        let failing = |item: u32| match item {
            30.. => Err(Error::new(ErrorKind::Other, format!("item {item}"))),
            _ => Ok(item),
        };
        let error = map(items, failing).expect_err("most fail");
        assert_eq!(error.to_string(), failing(30).expect_err("it fails").to_string());
        assert_eq!(map(Vec::<u32>::new(), failing).expect("nothing fails"), Vec::<u32>::new());
    }
}
