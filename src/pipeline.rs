//! Reading, working on all cores, and ordered writing, all at once, in bounded memory.

use crate::error::Result;
use crossbeam_channel::bounded;
use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

/// The number of workers that keeps every core busy.
pub fn default_workers() -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(32)
}

/// As [`default_workers`], but only as many as there is memory for, when each of them holds
/// `worker_bytes` besides the items of `item_bytes` that are on their way.
pub fn workers_within_memory(worker_bytes: u64, item_bytes: u64) -> usize {
    const MEMORY: u64 = 200 << 20;
    let fits = |workers: &usize| {
        let items = in_flight(*workers, item_bytes) as u64;
        items * item_bytes + *workers as u64 * worker_bytes <= MEMORY
    };
    (1..=default_workers()).rev().find(fits).unwrap_or(1)
}

/// How many items may be on their way: enough to keep everybody busy, in a bounded part of memory
/// on machines with many cores. `item_bytes` is the memory of one item, in all its forms.
pub fn in_flight(workers: usize, item_bytes: u64) -> usize {
    const MEMORY: u64 = 128 << 20;
    let most = (MEMORY / item_bytes.max(1)).clamp(4, 1 << 10) as usize;
    (workers * 3 + 2).min(most)
}

/// Runs `produce` in one thread, `work` in `workers` threads, each with a state of its own, and
/// `consume` in the calling thread, which sees the results in the order in which the items were
/// produced. At most `in_flight` items exist between `produce` and the end of `consume`, so
/// memory is bounded whatever part is the slowest.
///
/// # Errors
/// The first error in the order of the items. Everything produced before it has been consumed;
/// nothing after it has.
///
/// # Panics
/// When one of the functions does, in whatever thread: all of them end, and the panic goes on in
/// the calling one.
pub fn ordered<I, O, S>(
    workers: usize,
    in_flight: usize,
    mut produce: impl FnMut() -> Result<Option<I>> + Send,
    state: impl Fn() -> Result<S> + Sync,
    work: impl Fn(&mut S, I) -> Result<O> + Sync,
    mut consume: impl FnMut(O) -> Result<()>,
) -> Result<()>
where
    I: Send,
    O: Send,
{
    let in_flight = in_flight.max(1);
    let (permits_back, permits) = bounded::<()>(in_flight);
    let (items_in, items) = bounded::<(u64, I)>(in_flight);
    let (results_in, results) = bounded::<Message<O>>(in_flight + workers + 1);
    for _ in 0..in_flight {
        permits_back.send(()).expect("the channel holds one message for each permit");
    }

    let (outcome, panicked) = thread::scope(|scope| {
        let failures = results_in.clone();
        scope.spawn(move || {
            for sequence in 0.. {
                // The other ends hang up when the consumer has failed: then there is no more to do.
                if permits.recv().is_err() {
                    return;
                }
                let failure = match catch_unwind(AssertUnwindSafe(&mut produce)) {
                    Ok(Ok(Some(item))) => match items_in.send((sequence, item)) {
                        Ok(()) => continue,
                        Err(_) => return,
                    },
                    Ok(Ok(None)) => return,
                    Ok(Err(error)) => Message::Result(sequence, Err(error)),
                    Err(panic) => Message::Panic(panic),
                };
                let _ = failures.send(failure);
                return;
            }
        });
        for _ in 0..workers.max(1) {
            let (items, results_in) = (items.clone(), results_in.clone());
            let (state, work) = (&state, &work);
            scope.spawn(move || {
                let work_until_the_end = || {
                    let mut own = state();
                    for (sequence, item) in items {
                        let result = match &mut own {
                            Ok(own) => work(own, item),
                            Err(_) => state().and_then(|mut retried| work(&mut retried, item)),
                        };
                        if results_in.send(Message::Result(sequence, result)).is_err() {
                            return;
                        }
                    }
                };
                // An item that never arrives would be waited for, for ever.
                if let Err(panic) = catch_unwind(AssertUnwindSafe(work_until_the_end)) {
                    let _ = results_in.send(Message::Panic(panic));
                }
            });
        }
        drop(items);
        drop(results_in);

        let mut waiting = BTreeMap::new();
        let mut next = 0;
        let mut outcome = Ok(());
        let mut panicked = None;
        'consuming: for message in &results {
            match message {
                Message::Result(sequence, result) => waiting.insert(sequence, result),
                Message::Panic(panic) => {
                    panicked = Some(panic);
                    break;
                }
            };
            while let Some(result) = waiting.remove(&next) {
                next += 1;
                if let Err(error) = result.and_then(&mut consume) {
                    outcome = Err(error);
                    break 'consuming;
                }
                let _ = permits_back.send(());
            }
        }
        // Hanging up both ends lets every thread leave, wherever it waits.
        drop(permits_back);
        drop(results);
        (outcome, panicked)
    });
    match panicked {
        Some(panic) => resume_unwind(panic),
        None => outcome,
    }
}

/// What the threads tell the calling one.
enum Message<O> {
    /// What came of the item with this number.
    Result(u64, Result<O>),
    /// A thread came to an end that is a fault of ours.
    Panic(Box<dyn Any + Send>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, ErrorKind};
    use crate::text::message;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn failure() -> Error {
        Error::new(ErrorKind::Interrupted, message!("error-interrupted"))
    }

    fn run(
        count: u64,
        produce_fails: u64,
        work_fails: u64,
        consume_fails: u64,
    ) -> (Vec<u64>, bool) {
        let mut next = 0;
        let mut seen = Vec::new();
        let alive = AtomicUsize::new(0);
        let result = ordered(
            3,
            5,
            || {
                if next == produce_fails {
                    return Err(failure());
                }
                let item = (next < count).then_some(next);
                next += 1;
                assert!(alive.fetch_add(1, Ordering::SeqCst) < 7);
                Ok(item)
            },
            || Ok(()),
            |(), item| {
                // Uneven work, so that results come out of order.
                for _ in 0..(item % 7) * 1000 {
                    std::hint::black_box(item);
                }
                if item == work_fails { Err(failure()) } else { Ok(item) }
            },
            |item| {
                alive.fetch_sub(1, Ordering::SeqCst);
                if item == consume_fails {
                    return Err(failure());
                }
                seen.push(item);
                Ok(())
            },
        );
        (seen, result.is_ok())
    }

    #[test]
    fn many_workers_are_no_reason_for_much_memory() {
        let most = default_workers();
        assert_eq!(workers_within_memory(1 << 20, 1 << 20), most);
        assert_eq!(workers_within_memory(36 << 20, 4 << 20), most.min(4));
        assert_eq!(workers_within_memory(1 << 30, 4 << 20), 1);
    }

    #[test]
    fn what_is_on_its_way_fits_into_memory() {
        assert_eq!(in_flight(2, 4 << 20), 8);
        for workers in [1, 2, 32] {
            for item_bytes in [1, 128 << 10, 4 << 20, 32 << 20] {
                let items = in_flight(workers, item_bytes);
                assert!(items >= 4 && items as u64 * item_bytes <= 128 << 20, "{items}");
            }
        }
    }

    #[test]
    fn results_arrive_in_order_and_all() {
        assert_eq!(run(1000, 9999, 9999, 9999), ((0..1000).collect(), true));
        assert_eq!(run(0, 9999, 9999, 9999), (vec![], true));
    }

    #[test]
    fn the_first_error_ends_it_after_everything_before_it() {
        assert_eq!(run(1000, 500, 9999, 9999), ((0..500).collect(), false));
        assert_eq!(run(1000, 9999, 300, 9999), ((0..300).collect(), false));
        assert_eq!(run(1000, 9999, 9999, 100), ((0..100).collect(), false));
        assert_eq!(run(1000, 0, 9999, 9999), (vec![], false));
    }

    #[test]
    fn a_panic_anywhere_ends_it() {
        let run = |who: &'static str| {
            let fails = move |now: &str, item: u64| {
                assert!(!(who == now && item == 40), "on purpose: {who}");
            };
            let mut next = 0;
            ordered(
                3,
                5,
                || {
                    fails("produce", next);
                    next += 1;
                    Ok((next < 1000).then_some(next))
                },
                || {
                    fails("state", 40);
                    Ok(())
                },
                |(), item| {
                    fails("work", item);
                    Ok(item)
                },
                |item| {
                    fails("consume", item);
                    Ok(())
                },
            )
        };
        for who in ["produce", "state", "work", "consume", "nobody"] {
            let (done, finished) = std::sync::mpsc::channel();
            thread::spawn(move || done.send(catch_unwind(|| run(who))));
            let ended = finished.recv_timeout(std::time::Duration::from_secs(60));
            match ended.unwrap_or_else(|_| panic!("{who}: it hangs")) {
                Ok(result) => assert!(who == "nobody" && result.is_ok(), "{who}"),
                Err(panic) => {
                    let text = panic.downcast_ref::<String>().unwrap();
                    assert_eq!(*text, format!("on purpose: {who}"));
                }
            }
        }
    }
}
