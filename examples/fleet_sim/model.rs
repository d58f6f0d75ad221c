//! A fleet as a discrete-event simulation: requests by Zipf's law, store nodes with disks, a shared tier, routing, pressing.
//!
//! A whole fleet has too many renditions to be simulated one by one, so a part of them is, chosen at random, with as small a part
//! of each disk and of the requests: hit ratios stay the same ("miniature simulation": Waldspurger, Saemundsson, Ahmad and Park, *Cache
//! Modeling and Optimization using Miniature Simulations*, USENIX ATC 2017). Nodes are taken to have enough cores: how many that is is
//! a result, not waiting for them.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// Kilobits a second of the profiles on offer, and how often each is asked for, in percent.
const PROFILES: [(u64, u64); 6] = [(320, 35), (128, 20), (192, 20), (256, 15), (96, 5), (64, 5)];
/// A local hit's first byte, in seconds: a map is opened.
const LOCAL: f64 = 0.0003;

/// How requests find a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Routing {
    Random,
    /// Each rendition has one.
    Hash,
}

/// What is simulated.
#[derive(Debug, Clone)]
pub(crate) struct Fleet {
    pub(crate) nodes: u64,
    pub(crate) tracks: u64,
    /// Requests a day that reach the nodes: behind the CDN.
    pub(crate) requests_a_day: f64,
    /// Zipf's exponent of the tracks' popularity, below 1.
    pub(crate) zipf: f64,
    /// Bytes of disk a node.
    pub(crate) disk: f64,
    pub(crate) routing: Routing,
    pub(crate) tier: bool,
    /// The tier's round trip, in seconds.
    pub(crate) tier_s: f64,
    /// How many times real time one core presses.
    pub(crate) speed: f64,
    /// From a request to the first byte that is pressed for it, in seconds.
    pub(crate) first_byte_s: f64,
    /// What part of all renditions is simulated: one of so many.
    pub(crate) scale: f64,
    /// Days that pass before anything is counted, and days that are counted.
    pub(crate) warm_days: f64,
    pub(crate) days: f64,
    /// All fingerprints change when counting begins.
    pub(crate) upgrade: bool,
}

/// What came of it: shares of the requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) requests: u64,
    pub(crate) local: f64,
    pub(crate) from_tier: f64,
    /// Had to be pressed for.
    pub(crate) pressed: f64,
    /// Cores that pressing keeps busy, in the whole fleet.
    pub(crate) cores: f64,
    /// To the first byte, in seconds.
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// Numbers that look random: `SplitMix64` (Steele, Lea and Flood, 2014).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// From 0 to below 1.
    fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A time between two events that come at a rate.
    fn wait(&mut self, rate: f64) -> f64 {
        -(1.0 - self.part()).ln() / rate
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// The rank that a number from 0 to below 1 falls on: Zipf's law for exponents below 1, as a density.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // below `count`
fn rank(part: f64, count: u64, exponent: f64) -> u64 {
    let power = 1.0 - exponent;
    let rank = (part * ((count as f64 + 1.0).powf(power) - 1.0) + 1.0).powf(1.0 / power);
    (rank as u64 - 1).min(count - 1)
}

/// A rendition: its number, its length, and its size.
#[derive(Clone, Copy)]
struct Rendition {
    key: u64,
    seconds: f64,
    bytes: u64,
}

impl Rendition {
    /// One that is asked for.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a few megabytes
    fn asked(fleet: &Fleet, tracks: u64, chance: &mut Chance, epoch: u64) -> Self {
        let track = rank(chance.part(), tracks, fleet.zipf);
        let mut draw = chance.next() % 100;
        let mut profile = 0;
        while draw >= PROFILES[profile].1 {
            draw -= PROFILES[profile].1;
            profile += 1;
        }
        // 120 to 320 seconds, always the same of a track.
        let seconds = 120.0 + (mix(track) % 200) as f64;
        let bytes = (seconds * PROFILES[profile].0 as f64 * 125.0) as u64;
        Self { key: (track * PROFILES.len() as u64 + profile as u64) * 2 + epoch, seconds, bytes }
    }
}

/// A disk that lets go of what was used least recently.
struct Disk {
    room: f64,
    used: u64,
    clock: u64,
    /// When each was last used, and its size.
    by_key: HashMap<u64, (u64, u64)>,
    /// The same by that time; what is outdated is passed over.
    by_use: BinaryHeap<Reverse<(u64, u64)>>,
}

impl Disk {
    fn new(room: f64) -> Self {
        Self { room, used: 0, clock: 0, by_key: HashMap::new(), by_use: BinaryHeap::new() }
    }

    /// Whether it has it, which is a use.
    fn has(&mut self, key: u64) -> bool {
        self.clock += 1;
        let Some((used, _)) = self.by_key.get_mut(&key) else { return false };
        *used = self.clock;
        true
    }

    fn put(&mut self, rendition: Rendition) {
        self.clock += 1;
        if self.by_key.insert(rendition.key, (self.clock, rendition.bytes)).is_some() {
            return;
        }
        self.by_use.push(Reverse((self.clock, rendition.key)));
        self.used += rendition.bytes;
        while self.used as f64 > self.room
            && let Some(Reverse((noted, key))) = self.by_use.pop()
        {
            let (last, bytes) = self.by_key[&key];
            if last == noted {
                self.by_key.remove(&key);
                self.used -= bytes;
            } else {
                self.by_use.push(Reverse((last, key)));
            }
        }
    }
}

/// What is to happen.
struct Arrival {
    at: f64,
    node: usize,
    rendition: Rendition,
    upload: bool,
}

/// Runs a fleet. The same one comes to the same.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // counts
pub(crate) fn run(fleet: &Fleet) -> Outcome {
    let mut chance = Chance(15);
    let tracks = ((fleet.tracks as f64 / fleet.scale) as u64).max(1);
    let rate = fleet.requests_a_day / fleet.scale / 86_400.0;
    let mut disks: Vec<_> = (0..fleet.nodes).map(|_| Disk::new(fleet.disk / fleet.scale)).collect();
    let mut tier: HashSet<u64> = HashSet::new();
    // What is being pressed or fetched, when it is there, in the order in which that is.
    let mut coming: HashMap<(usize, u64), f64> = HashMap::new();
    let mut arrivals: BinaryHeap<Reverse<(u64, usize)>> = BinaryHeap::new();
    let mut what: Vec<Arrival> = Vec::new();
    let mut free: Vec<usize> = Vec::new();
    let mut now = 0.0;
    let (from, until) = (fleet.warm_days * 86_400.0, (fleet.warm_days + fleet.days) * 86_400.0);
    let mut counts = [0_u64; 3];
    let mut busy = 0.0;
    let mut waits: Vec<f64> = Vec::new();
    while now < until {
        now += chance.wait(rate);
        while let Some(&Reverse((at, slot))) = arrivals.peek()
            && f64::from_bits(at) <= now
        {
            arrivals.pop();
            let Arrival { at: _, node, rendition, upload } = what[slot];
            free.push(slot);
            disks[node].put(rendition);
            coming.remove(&(node, rendition.key));
            if upload && fleet.tier {
                tier.insert(rendition.key);
            }
        }
        let counted = now >= from;
        let epoch = u64::from(fleet.upgrade && counted);
        let rendition = Rendition::asked(fleet, tracks, &mut chance, epoch);
        let node = match fleet.routing {
            Routing::Random => chance.next() % fleet.nodes,
            Routing::Hash => mix(rendition.key) % fleet.nodes,
        } as usize;
        // How it varies from one to the next.
        let luck = 0.5 + chance.wait(2.0);
        let (kind, wait) = if disks[node].has(rendition.key) {
            (0, LOCAL)
        } else if let Some(&there) = coming.get(&(node, rendition.key)) {
            // It joins; the first bytes are there, or are soon.
            (0, LOCAL.max((there - now).min(fleet.first_byte_s)))
        } else {
            let in_tier = fleet.tier && tier.contains(&rendition.key);
            // All of it: on one core, or at 100 MB/s.
            let whole = if in_tier { rendition.bytes as f64 / 1e8 } else { rendition.seconds / fleet.speed };
            let first = if in_tier { fleet.tier_s } else { fleet.first_byte_s } * luck;
            let at = now + first + whole;
            let slot = free.pop().unwrap_or(what.len());
            let arrival = Arrival { at, node, rendition, upload: !in_tier };
            if slot == what.len() {
                what.push(arrival);
            } else {
                what[slot] = arrival;
            }
            // Times are positive, so their bits are in their order.
            arrivals.push(Reverse((what[slot].at.to_bits(), slot)));
            coming.insert((node, rendition.key), at);
            if counted && !in_tier {
                busy += whole;
            }
            (if in_tier { 1 } else { 2 }, first)
        };
        if counted {
            counts[kind] += 1;
            waits.push(wait);
        }
    }
    let requests: u64 = counts.iter().sum();
    let share = |kind: usize| counts[kind] as f64 / requests.max(1) as f64;
    waits.sort_by(f64::total_cmp);
    let quantile = |part: f64| waits.get((waits.len() as f64 * part) as usize).copied().unwrap_or_default();
    Outcome {
        requests,
        local: share(0),
        from_tier: share(1),
        pressed: share(2),
        cores: busy * fleet.scale / (until - from),
        p50: quantile(0.5),
        p99: quantile(0.99),
    }
}

impl Fleet {
    /// The fleet of docs/fleet.md: 50 nodes, 10 million tracks, a thousand million requests a day of which the CDN answers 90 %.
    pub(crate) fn example() -> Self {
        Self {
            nodes: 50,
            tracks: 10_000_000,
            requests_a_day: 1e8,
            zipf: 0.8,
            disk: 500e9,
            routing: Routing::Hash,
            tier: false,
            tier_s: 0.025,
            speed: 100.0,
            first_byte_s: 0.1,
            scale: 100.0,
            warm_days: 6.0,
            days: 1.0,
            upgrade: false,
        }
    }
}
