//! Random numbers that can be had again.

use std::hash::BuildHasher as _;
use std::hash::RandomState;

/// The variable with the seed of a run that is to be repeated.
const SEED: &str = "CNB_TEST_SEED";

/// Numbers that depend on a seed alone: SplitMix64.
pub(crate) struct Random(u64);

impl Random {
    /// Takes the seed from the environment or makes one up, and says it.
    #[expect(
        clippy::disallowed_methods,
        clippy::print_stdout,
        reason = "who repeats a test says so to this program, which says how"
    )]
    pub(crate) fn new(what: &str) -> Self {
        let seed = match std::env::var(SEED) {
            Ok(seed) => seed.parse().expect("CNB_TEST_SEED is a number"),
            Err(_) => RandomState::new().hash_one(0),
        };
        println!("{what}: {SEED}={seed}");
        Self(seed)
    }

    /// Bytes that cannot be compressed.
    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        std::iter::repeat_with(|| self.next().to_le_bytes()).flatten().take(count).collect()
    }

    /// Brings values into any order: Fisher and Yates.
    pub(crate) fn shuffle<T>(&mut self, values: &mut [T]) {
        for last in (1..values.len()).rev() {
            values.swap(last, self.below(last + 1));
        }
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        let count = u64::try_from(count).expect("it fits into memory");
        usize::try_from(self.next() % count).expect("it is less than what fits")
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
