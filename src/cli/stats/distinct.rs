//! How many distinct values there are, about, in constant memory.
//!
//! A HyperLogLog sketch: Flajolet, Fusy, Gandouet and Meunier, "HyperLogLog: the analysis of a
//! near-optimal cardinality estimation algorithm", 2007; with the estimator of Ertl, "New
//! cardinality estimation algorithms for HyperLogLog sketches", 2017, which needs no corrections
//! for small counts. The same values give the same estimate on every machine and in any order.

/// Bits of a hash that choose a register: the standard error is 1.04 / sqrt(2^14), 0.8 percent.
const INDEX_BITS: u32 = 14;
const REGISTER_COUNT: usize = 1 << INDEX_BITS;
/// The greatest value that a register can have is one more.
const RANK_MAX: u32 = 64 - INDEX_BITS;

/// The values that were seen, as a sketch.
pub(super) struct Sketch {
    /// Of the hashes that chose this register, the longest run of zeros at their start, plus one.
    registers: Vec<u8>,
}

impl Sketch {
    /// Of no values.
    pub(super) fn new() -> Self {
        Self { registers: vec![0; REGISTER_COUNT] }
    }

    /// Adds a value by its bytes.
    #[inline]
    pub(super) fn add(&mut self, bytes: &[u8]) {
        let hash = hash64(bytes);
        let register = &mut self.registers[(hash >> RANK_MAX) as usize];
        // The bit behind the hash ends a run that reaches its end.
        let rest = (hash << INDEX_BITS) | (1 << (INDEX_BITS - 1));
        let rank = (rest.leading_zeros() + 1) as u8;
        *register = rank.max(*register);
    }

    /// How many distinct values were added, about.
    pub(super) fn estimate(&self) -> u64 {
        let mut counts = [0.0_f64; RANK_MAX as usize + 2];
        for &register in &self.registers {
            counts[usize::from(register)] += 1.0;
        }
        let m = REGISTER_COUNT as f64;
        let mut z = m * tau(1.0 - counts[RANK_MAX as usize + 1] / m);
        for count in counts[1..=RANK_MAX as usize].iter().rev() {
            z = 0.5 * (z + count);
        }
        z += m * sigma(counts[0] / m);
        (m * m / (2.0 * std::f64::consts::LN_2 * z)).round() as u64
    }
}

/// Ertl's sigma: x + x^2 + 2 x^4 + 4 x^8 + ...
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

/// Ertl's tau: (1 - x - (1 - x^(1/2))^2 / 2 - (1 - x^(1/4))^2 / 4 - ...) / 3
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// A hash without a secret: eight bytes after the other through the finalizer of SplitMix64
/// (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
#[inline]
fn hash64(bytes: &[u8]) -> u64 {
    let mut hash = mix(bytes.len() as u64 ^ 0x9E37_79B9_7F4A_7C15);
    for chunk in bytes.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        hash = mix(hash ^ u64::from_le_bytes(word)).wrapping_add(0x9E37_79B9_7F4A_7C15);
    }
    hash
}

#[inline]
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(values: impl Iterator<Item = u64>) -> u64 {
        let mut sketch = Sketch::new();
        values.for_each(|value| sketch.add(&value.to_le_bytes()));
        sketch.estimate()
    }

    #[test]
    fn a_few_values_are_counted_exactly() {
        for count in [0, 1, 2, 5, 10] {
            assert_eq!(estimate(0..count), count);
            assert_eq!(estimate((0..count).chain(0..count)), count);
        }
    }

    #[test]
    fn many_values_are_counted_within_three_standard_errors() {
        for count in [100, 1_000, 10_000, 40_000, 100_000, 1_000_000] {
            let found = estimate((0..count).map(|i| i * 1_000_003));
            let error = found.abs_diff(count) as f64 / count as f64;
            assert!(error < 0.025, "{found} of {count}");
        }
    }

    #[test]
    fn texts_that_differ_in_one_byte_are_distinct() {
        let mut sketch = Sketch::new();
        for position in 0..20 {
            let mut text = [b'a'; 20];
            text[position] = b'b';
            sketch.add(&text);
        }
        sketch.add(b"aaaaaaaa");
        sketch.add(b"aaaaaaa");
        assert_eq!(sketch.estimate(), 22);
    }
}
