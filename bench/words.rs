//! Counts words: a Rust program whose debug information brings the standard library's inlined functions.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, BufRead};

fn main() {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        for word in line.split_whitespace() {
            *counts.entry(word.to_lowercase()).or_default() += 1;
        }
    }
    let mut sorted: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for (word, count) in &counts {
        sorted.entry(*count).or_default().push(word);
    }
    for (count, words) in sorted.iter().rev() {
        println!("{count} {}", words.join(" "));
    }
}
