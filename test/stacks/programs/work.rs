// Rust that allocates in closures, trait objects, iterators, formatting, threads, destructors, and while a panic passes
// to catch_unwind. Prints `ready`, works from the next line on stdin to the one after, and prints `done`.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::panic;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc, Mutex};
use std::thread;

static STOPPED: AtomicBool = AtomicBool::new(false);

#[inline(never)]
fn plain(x: usize) {
    black_box(vec![x as u8; x % 300 + 1]);
    black_box(Box::new([x; 4]));
}

struct Noisy(usize);
impl Drop for Noisy {
    #[inline(never)]
    fn drop(&mut self) {
        plain(self.0);
    }
}

#[inline(never)]
fn fails(x: usize, depth: usize) -> usize {
    let noisy = Noisy(x + depth);
    if depth == 0 {
        let empty: Vec<usize> = Vec::new();
        if x % 2 == 0 {
            panic!("panic number {}", x);
        }
        return black_box(&empty)[x];
    }
    fails(x, depth - 1) + noisy.0
}

#[inline(never)]
fn panics(x: usize) {
    let result = panic::catch_unwind(|| fails(x, x % 7));
    if let Err(cause) = result {
        black_box(cause.downcast_ref::<String>().cloned());
        plain(x);
    }
}

trait Shape {
    fn name(&self, x: usize) -> String;
}
struct Square(Vec<usize>);
struct Circle;
impl Shape for Square {
    fn name(&self, x: usize) -> String {
        format!("square {} {:?}", x, self.0)
    }
}
impl Shape for Circle {
    fn name(&self, x: usize) -> String {
        plain(x);
        "circle".repeat(x % 5 + 1)
    }
}
impl fmt::Display for Square {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|n| n.to_string()).collect();
        write!(f, "[{}]", parts.join(", "))
    }
}

#[inline(never)]
fn objects(x: usize) {
    let shapes: Vec<Box<dyn Shape>> = vec![Box::new(Square(vec![x; 5])), Box::new(Circle)];
    for shape in &shapes {
        black_box(shape.name(x));
    }
    black_box(Square(vec![x, 2, 3]).to_string());
    black_box(Rc::new(Noisy(x)));
}

#[inline(never)]
fn closures(x: usize) {
    let steps: Vec<Box<dyn Fn(usize) -> usize>> = (0..4)
        .map(|i| Box::new(move |y: usize| { plain(y + i); y * 3 + i }) as Box<dyn Fn(usize) -> usize>)
        .collect();
    black_box(steps.iter().fold(x, |y, step| step(y)));
    let mut words: Vec<String> = (0..20).map(|i| ((x * i) % 37).to_string()).collect();
    words.sort_by(|a, b| { plain(a.len()); b.to_owned().cmp(a) });
    words.sort_by_key(|word| word.to_uppercase());
    words.dedup();
    black_box(words.concat());
}

#[inline(never)]
fn collections(x: usize) {
    let mut table: HashMap<String, Vec<usize>> = HashMap::new();
    for i in 0..16 {
        table.entry(format!("key {}", x * i % 11)).or_default().push(i);
    }
    let sorted: BTreeMap<_, _> = table.into_iter().collect();
    black_box(sorted.values().flatten().filter(|n| **n % 2 == 0).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[inline(never)]
fn threads(x: usize) {
    let shared = Arc::new(Mutex::new(Vec::new()));
    let (sender, receiver) = mpsc::channel();
    let workers: Vec<_> = (0..2)
        .map(|i| {
            let (shared, sender) = (shared.clone(), sender.clone());
            thread::spawn(move || {
                shared.lock().unwrap().push(format!("worker {}", i));
                let _ = sender.send(Box::new(x + i));
                panics(x + i);
                closures(x);
            })
        })
        .collect();
    drop(sender);
    black_box(receiver.iter().map(|n| *n).sum::<usize>());
    for worker in workers {
        let _ = worker.join();
    }
    thread::scope(|scope| {
        scope.spawn(|| objects(x));
        scope.spawn(|| collections(x));
    });
    let _ = thread::spawn(move || fails(x, 3)).join();
}

fn main() {
    let steps: [fn(usize); 6] = [plain, panics, objects, closures, collections, threads];
    panic::set_hook(Box::new(|info| { black_box(info.to_string()); }));
    println!("ready");
    std::io::stdout().flush().unwrap();
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).unwrap();
    let waiting = thread::spawn(|| {
        let mut line = String::new();
        let _ = std::io::stdin().lock().read_line(&mut line);
        STOPPED.store(true, Ordering::Relaxed);
    });
    let mut x = 1usize;
    while !STOPPED.load(Ordering::Relaxed) {
        x += 1;
        steps[x % 6](x.wrapping_mul(2654435761) >> 7 & 0xffff);
    }
    let _ = waiting.join();
    println!("done");
}
