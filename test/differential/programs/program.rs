//! The Rust program: generics, closures, iterator chains, trait objects, panics.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Display};

trait Shape {
    fn area(&self) -> f64;
    fn name(&self) -> String {
        String::from("shape")
    }
}

struct Circle(f64);
struct Rectangle {
    width: f64,
    height: f64,
}

impl Shape for Circle {
    fn area(&self) -> f64 {
        std::f64::consts::PI * self.0 * self.0
    }
    fn name(&self) -> String {
        format!("circle of {}", self.0)
    }
}

impl Shape for Rectangle {
    fn area(&self) -> f64 {
        self.width * self.height
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(f64),
    Operator(char),
    Open,
    Close,
}

#[derive(Debug)]
enum ParseError {
    Unexpected(char, usize),
    Empty,
}

impl Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::Unexpected(c, at) => write!(f, "unexpected {c:?} at {at}"),
            ParseError::Empty => write!(f, "nothing there"),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let mut result = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some(&(at, c)) = chars.peek() {
        match c {
            ' ' => {
                chars.next();
            }
            '0'..='9' | '.' => {
                let number: String = std::iter::from_fn(|| {
                    chars.next_if(|(_, c)| c.is_ascii_digit() || *c == '.').map(|(_, c)| c)
                })
                .collect();
                result.push(Token::Number(number.parse().unwrap_or(0.0)));
            }
            '+' | '-' | '*' | '/' => {
                result.push(Token::Operator(c));
                chars.next();
            }
            '(' | ')' => {
                result.push(if c == '(' { Token::Open } else { Token::Close });
                chars.next();
            }
            _ => return Err(ParseError::Unexpected(c, at)),
        }
    }
    if result.is_empty() { Err(ParseError::Empty) } else { Ok(result) }
}

fn expression(tokens: &[Token], at: &mut usize, level: usize) -> f64 {
    if level > 1 {
        return match tokens.get(*at) {
            Some(Token::Number(value)) => {
                *at += 1;
                *value
            }
            Some(Token::Open) => {
                *at += 1;
                let value = expression(tokens, at, 0);
                *at += 1;
                value
            }
            other => panic!("no operand: {other:?}"),
        };
    }
    let mut value = expression(tokens, at, level + 1);
    while let Some(Token::Operator(operator)) = tokens.get(*at) {
        if (level == 0) != matches!(operator, '+' | '-') {
            break;
        }
        *at += 1;
        let right = expression(tokens, at, level + 1);
        match operator {
            '+' => value += right,
            '-' => value -= right,
            '*' => value *= right,
            _ => value /= right,
        }
    }
    value
}

fn count<K: std::hash::Hash + Eq + Ord + Clone, I: Iterator<Item = K>>(items: I) -> BTreeMap<K, usize> {
    let mut counts: HashMap<K, usize> = HashMap::new();
    items.for_each(|item| *counts.entry(item).or_default() += 1);
    counts.into_iter().collect()
}

fn primes(limit: usize) -> impl Iterator<Item = usize> {
    let mut sieve = vec![true; limit];
    (2..limit).filter(move |&n| {
        if sieve[n] {
            (n * n..limit).step_by(n).for_each(|multiple| sieve[multiple] = false);
        }
        sieve[n]
    })
}

fn main() {
    let text = std::env::args().nth(1).unwrap_or_else(|| "1 + 2 * (3 - 4) / 5".to_string());
    match tokens(&text) {
        Ok(tokens) => println!("{}", expression(&tokens, &mut 0, 0)),
        Err(error) => eprintln!("{error}"),
    }
    let shapes: Vec<Box<dyn Shape>> = vec![Box::new(Circle(2.0)), Box::new(Rectangle { width: 2.0, height: 3.0 })];
    let mut names: Vec<(String, f64)> = shapes.iter().map(|shape| (shape.name(), shape.area())).collect();
    names.sort_by(|a, b| b.1.total_cmp(&a.1));
    println!("{names:?} {:?}", count(text.chars().filter(|c| !c.is_whitespace())));
    println!("{}", primes(1000).map(|prime| prime as u64).zip(1u64..).map(|(p, n)| p * n).sum::<u64>());
    let threads: Vec<_> = (0..2).map(|n| std::thread::spawn(move || primes(100 * (n + 1)).last())).collect();
    println!("{:?}", threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>());
}
