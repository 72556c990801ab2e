//! How inputs are damaged.

use interflow_core::rng::Draw;

/// No input grows beyond this.
const LONGEST: usize = 1 << 20;

/// A way to damage an input, of which there is another.
type Mutation = fn(&mut Vec<u8>, &[u8], &mut Draw);

const MUTATIONS: [Mutation; 9] = [
    |input, _, draw| flip(input, draw),
    |input, _, draw| overwrite(input, draw),
    |input, _, draw| extreme(input, draw),
    |input, _, draw| remove(input, draw),
    |input, _, draw| repeat(input, draw),
    |input, _, draw| input.truncate(below(draw, input.len() + 1)),
    splice,
    |input, _, draw| renumber(input, draw),
    |input, _, draw| scatter(input, draw),
];

/// One of these inputs with one to eight damages.
pub fn damaged(whole: &[Vec<u8>], draw: &mut Draw) -> Vec<u8> {
    let mut input = whole[below(draw, whole.len())].clone();
    // Few damages reach deep: half of all inputs have one.
    let n_damages = 1 + draw.bits().trailing_ones().min(7);
    for _ in 0..n_damages {
        let other = &whole[below(draw, whole.len())];
        MUTATIONS[below(draw, MUTATIONS.len())](&mut input, other, draw);
        input.truncate(LONGEST);
    }
    input
}

/// A number below `n`, 0 if `n` is 0.
fn below(draw: &mut Draw, n: usize) -> usize {
    (draw.bits() % (n as u64).max(1)) as usize
}

/// A short range of places of `input`.
fn range(input: &[u8], draw: &mut Draw) -> std::ops::Range<usize> {
    let begin = below(draw, input.len());
    let longest = [4, 16, 64, input.len()][below(draw, 4)];
    begin..input.len().min(begin + 1 + below(draw, longest))
}

fn flip(input: &mut [u8], draw: &mut Draw) {
    let place = below(draw, input.len());
    if let Some(byte) = input.get_mut(place) {
        *byte ^= 1 << below(draw, 8);
    }
}

fn overwrite(input: &mut [u8], draw: &mut Draw) {
    let place = below(draw, input.len());
    if let Some(byte) = input.get_mut(place) {
        *byte = [0, 1, 0x20, 0x7f, 0x80, 0xfe, 0xff, draw.bits() as u8][below(draw, 8)];
    }
}

/// Writes a number at the end of what some integer can hold.
fn extreme(input: &mut [u8], draw: &mut Draw) {
    let width = [1, 2, 4, 8][below(draw, 4)];
    let top = u64::MAX >> (64 - 8 * width);
    let number = [0, 1, top, top >> 1, (top >> 1) + 1, top - 1, draw.bits() & 0xffff, 1 << (4 * width)]
        [below(draw, 8)];
    let place = below(draw, input.len());
    let Some(bytes) = input.get_mut(place..place + width) else { return };
    let little = number.to_le_bytes();
    bytes.copy_from_slice(&little[..width]);
    if draw.bits().is_multiple_of(2) {
        bytes.reverse();
    }
}

fn remove(input: &mut Vec<u8>, draw: &mut Draw) {
    let range = range(input, draw);
    input.drain(range);
}

fn repeat(input: &mut Vec<u8>, draw: &mut Draw) {
    let range = range(input, draw);
    let piece = input[range.clone()].to_vec();
    let times = [1, 2, 8, 200][below(draw, 4)];
    input.splice(range.end..range.end, piece.repeat(times).into_iter().take(LONGEST));
}

/// Goes on with a piece of another input.
fn splice(input: &mut Vec<u8>, other: &[u8], draw: &mut Draw) {
    let piece = other[range(other, draw)].to_vec();
    let at = range(input, draw);
    input.splice(at, piece);
}

/// Replaces a number that is written in digits.
fn renumber(input: &mut Vec<u8>, draw: &mut Draw) {
    const NUMBERS: [&str; 14] = [
        "0",
        "-1",
        "1",
        "255",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "1e308",
        "1e-320",
        "nan",
        "inf",
        "1000000000000",
        "0.5",
    ];
    let start = below(draw, input.len());
    let Some(begin) = input[start.min(input.len())..].iter().position(u8::is_ascii_digit) else { return };
    let begin = start + begin;
    let n_digits = input[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    input.splice(begin..begin + n_digits, NUMBERS[below(draw, NUMBERS.len())].bytes());
}

/// Fills a range with noise.
fn scatter(input: &mut [u8], draw: &mut Draw) {
    let range = range(input, draw);
    draw.fill(&mut input[range]);
}

#[cfg(test)]
mod tests {
    use interflow_core::rng::Stream;

    use super::*;

    #[test]
    fn damage_is_a_function_of_the_draw_and_takes_empty_inputs() {
        let stream = Stream::named(3, "a test");
        let whole = [b"kind = 3\nname = \"x\"".to_vec(), Vec::new(), vec![7; 300]];
        let inputs = |index| damaged(&whole, &mut stream.at(index));
        let all: Vec<_> = (0..5000).map(inputs).collect();
        assert!(all.iter().enumerate().all(|(index, input)| *input == inputs(index as u64)));
        assert!(all.iter().filter(|input| !whole.contains(input)).count() > 3000);
        assert!(all.iter().any(|input| input.windows(3).any(|bytes| bytes == b"inf")));
    }
}
