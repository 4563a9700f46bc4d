//! Worker threads that run machines.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::mpsc::Sender;
use std::thread;

use async_lock::MutexGuardArc;
use cnb_core::conformance::probe::Next;
use cnb_core::conformance::probe::Program;
use cnb_core::event::Event;

use crate::files::Files;
use crate::machine::Machine;

/// The way to the workers. They end when it is dropped.
pub(crate) struct Pool(Sender<Job>);

/// A machine to run to its end.
pub(crate) struct Job {
    pub(crate) machine: Machine,
    pub(crate) program: Program,
    /// The caches of the machine, by target: nobody else has them while the job lives.
    pub(crate) caches: Vec<(String, MutexGuardArc<Files>)>,
    /// Says nothing, and breaks when whoever waits for the job is gone.
    pub(crate) alive: Receiver<()>,
    pub(crate) messages: async_channel::Sender<Message>,
}

/// What a worker tells.
pub(crate) enum Message {
    Event(Event),
    /// The program ended and left this behind its mounts, caches aside.
    Ended {
        exit_code: i32,
        left: BTreeMap<String, Files>,
    },
}

impl Pool {
    pub(crate) fn new(workers: usize) -> Self {
        let (sender, jobs) = mpsc::channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..workers {
            let jobs = Arc::clone(&jobs);
            thread::spawn(move || {
                loop {
                    let job = jobs.lock().expect("no holder of this lock panics").recv();
                    let Ok(job) = job else { return };
                    work(job);
                }
            });
        }
        Self(sender)
    }

    pub(crate) fn submit(&self, job: Job) {
        self.0.send(job).expect("the workers live as long as the pool");
    }
}

fn work(mut job: Job) {
    let exit_code = loop {
        match job.program.next(&mut job.machine) {
            Next::Exit(code) => break Some(code),
            Next::Abort => break Some(128 + 6),
            next if is_cancelled(&job.alive, next) => break None,
            _ => {}
        }
    };
    let mut left = job.machine.unmount_all();
    // Also when cancelled: a cache keeps what was written to it. Dropping the guards then frees the locks.
    for (target, mut files) in job.caches {
        *files = left.remove(&target).expect("every cache is mounted");
    }
    if let Some(exit_code) = exit_code {
        // Whoever waited may be gone by now.
        let _ = job.messages.try_send(Message::Ended { exit_code, left });
    }
}

/// Sleeps as long as the program says, and finds out whether anybody still waits for it.
fn is_cancelled(alive: &Receiver<()>, next: Next) -> bool {
    match next {
        Next::Wait => alive.recv().is_err(),
        Next::Sleep(time) => alive.recv_timeout(time) == Err(RecvTimeoutError::Disconnected),
        _ => alive.try_recv() == Err(mpsc::TryRecvError::Disconnected),
    }
}
