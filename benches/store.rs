//! What a store costs: a hit, a publication, an opening. The folders are made where `TMPDIR` says.

use std::fs::{self, File};
use std::path::Path;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tonepress::encoder::Encoder;
use tonepress::master::{Codec, Container, Layout, MasterInfo};
use tonepress::pcm::Pcm;
use tonepress::rendition::fingerprint::Fingerprint;
use tonepress::rendition::press::SegmentEncoder;
use tonepress::store::{Begun, Fallback, Key, Options, Recipe};
use tonepress::{Plan, SampleRate, Samples, Store};

/// Objects in the large store.
const MANY: u64 = 100_000;

/// A rendition of four minutes at 128 kbps, 3.8 MB, and its segments.
struct Song {
    plan: Plan,
    segments: Vec<Vec<u8>>,
}

impl Song {
    fn new(seconds: u64) -> Self {
        let info = MasterInfo::new(
            Container::Wav,
            Codec::Pcm,
            SampleRate::new(44_100).expect("a rate"),
            16,
            Layout::STEREO,
            Samples(44_100 * seconds),
        );
        let plan = Plan::new(&info, &"128:q=9".parse().expect("a profile")).expect("a plan");
        let segments = (0..plan.segments()).map(|index| press(&plan, index)).collect();
        Self { plan, segments }
    }

    /// That of a master of its own, so that it is not there yet.
    fn recipe(&self, number: u64) -> Recipe {
        let id = format!("{number:064x}").parse().expect("an id");
        Recipe::new(id, *self.plan.resolved()).expect("a fingerprint")
    }

    fn publish(&self, store: &Store, number: u64) -> Key {
        let recipe = self.recipe(number);
        if let Begun::Press(mut partial) =
            store.begin(&recipe, &self.plan, Fallback::Refuse).expect("room for it")
        {
            for (index, bytes) in (0..).zip(&self.segments) {
                partial.write_segment(index, bytes, true).expect("a segment written");
            }
            partial.publish().expect("a publication");
        }
        recipe.key()
    }
}

/// A segment of silence.
fn press(plan: &Plan, index: u64) -> Vec<u8> {
    let mut encoder = SegmentEncoder::new(plan, index).expect("an encoder");
    let wanted = encoder.wanted();
    let len = usize::try_from(wanted.end - wanted.start).expect("a length");
    let mut pcm = Pcm::default();
    pcm.reset(2, wanted.start);
    for channel in 0..2 {
        pcm.plane_mut(channel).resize(len, 0.0);
    }
    let mut bytes = Vec::new();
    encoder.push(&pcm, &mut bytes).expect("encoding");
    encoder.finish(&mut bytes).expect("encoding");
    bytes
}

fn hits(c: &mut Criterion) {
    let root = tempfile::tempdir().expect("a folder");
    let song = Song::new(240);
    let hot = Options::new(root.path()).open().expect("a store");
    let key = song.publish(&hot, 0);
    let cold = Options::new(root.path()).open_maps(0).open().expect("a store");
    c.bench_function("hot hit", |b| b.iter(|| hot.get(&key).expect("no error").expect("a hit")));
    c.bench_function("cold hit", |b| b.iter(|| cold.get(&key).expect("no error").expect("a hit")));
    c.bench_function("miss", |b| {
        let key = song.recipe(1).key();
        b.iter(|| assert!(cold.get(&key).expect("no error").is_none()));
    });
    let recipe = song.recipe(2);
    c.bench_function("key", |b| b.iter(|| recipe.key()));
    let object = hot.get(&key).expect("no error").expect("a hit");
    let out = root.path().join("out.mp3");
    c.bench_function("copy out (3.8 MB)", |b| {
        b.iter(|| object.copy_to(&File::create(&out).expect("a file"), "out.mp3").expect("a copy"));
    });
}

fn publish(c: &mut Criterion) {
    let root = tempfile::tempdir().expect("a folder");
    let store = Options::new(root.path()).max_bytes(1 << 30).open().expect("a store");
    let song = Song::new(240);
    let mut number = 0;
    let mut group = c.benchmark_group("publish");
    group.sample_size(30).bench_function("3.8 MB, durable", |b| {
        let next = || {
            number += 1;
            number
        };
        b.iter_batched(next, |number| song.publish(&store, number), BatchSize::PerIteration);
    });
}

fn open(c: &mut Criterion) {
    let root = tempfile::tempdir().expect("a folder");
    let song = Song::new(1);
    let store = Options::new(root.path()).open().expect("a store");
    let key = song.publish(&store, 0);
    populate(&store.path(&key), root.path());
    drop(store);
    let mut group = c.benchmark_group("100,000 objects");
    group.sample_size(20).measurement_time(Duration::from_secs(10));
    for (what, lost) in [("open and first hit", false), ("the same with the ledger lost", true)] {
        group.bench_function(what, |b| {
            b.iter_custom(|times| {
                let mut sum = Duration::ZERO;
                for _ in 0..times {
                    if lost {
                        let _ = fs::remove_file(root.path().join("v1/ledger.json"));
                    }
                    let start = Instant::now();
                    let store = Options::new(root.path()).open().expect("a store");
                    store.get(&key).expect("no error").expect("a hit");
                    sum += start.elapsed();
                    // Until the background is done, which is not part of it.
                    store.stat().expect("the sums");
                }
                sum
            });
        });
    }
    group.bench_function("count afresh", |b| {
        let store = Options::new(root.path()).open().expect("a store");
        b.iter(|| {
            let _ = fs::remove_file(root.path().join("v1/ledger.json"));
            assert!(store.stat().expect("the sums").objects >= MANY);
        });
    });
}

/// Links one object under many names: to whoever looks they are as many files.
fn populate(object: &Path, root: &Path) {
    let mut source = object.to_owned();
    for number in 0..MANY {
        let name = blake3::hash(&number.to_le_bytes()).to_hex();
        let shard = root.join("v1/objects").join(&name[..2]);
        fs::create_dir_all(&shard).expect("a folder");
        let path = shard.join(format!("{name}.mp3"));
        // ext4 allows 65,000 links to a file.
        if number % 60_000 == 59_999 {
            fs::copy(&source, &path).expect("a copy");
            source = path;
        } else {
            fs::hard_link(&source, &path).expect("a link");
        }
    }
}

fn fingerprint(c: &mut Criterion) {
    // Once per process, so it is timed once; a warm process is what a server is.
    let start = Instant::now();
    Fingerprint::of(Encoder::Lame).expect("a fingerprint");
    println!("fingerprint: {:?}, once per process", start.elapsed());
    c.bench_function("fingerprint, known", |b| {
        b.iter(|| Fingerprint::of(Encoder::Lame).expect("a fingerprint"));
    });
}

criterion_group!(benches, fingerprint, hits, publish, open);
criterion_main!(benches);
