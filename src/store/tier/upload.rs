//! Giving renditions to the tier, behind everybody's back.

use std::io::ErrorKind;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use tokio::sync::{OnceCell, Semaphore};

use crate::remote::TURN;
use crate::store::object::Object;
use crate::store::sidecar::Sidecar;
use crate::store::tier::blocks::Blocks;
use crate::store::tier::counts::Count;
use crate::store::tier::facts::Facts;
use crate::store::tier::front::Tier;
use crate::store::tier::health::Health;
use crate::store::tier::options::{TierOptions, Uploads};

/// How many renditions are uploaded at once.
const AT_ONCE: usize = 4;
/// How long a publisher waits for an upload that is to come first.
const FIRST: Duration = Duration::from_secs(60);

/// Gives renditions to a tier. When it is dropped, what was begun goes on.
pub(crate) struct Uploader(Arc<Uploading>);

struct Uploading {
    tier: Arc<Tier>,
    turns: Semaphore,
    uploads: Uploads,
    backlog: usize,
    /// The uploads that are not finished.
    open: (Mutex<usize>, Condvar),
    /// Whether put-if-absent can be relied on; found out before the first upload.
    if_absent: OnceCell<bool>,
    /// That of fetching is another: who may not write may read.
    health: Health,
}

impl Uploader {
    /// That of a tier, if it may be written.
    pub(in crate::store) fn start(tier: &Arc<Tier>, options: &TierOptions) -> Option<Self> {
        tier.access.writes().then(|| {
            Self(Arc::new(Uploading {
                tier: Arc::clone(tier),
                turns: Semaphore::new(AT_ONCE),
                uploads: options.uploads,
                backlog: options.backlog,
                open: <_>::default(),
                if_absent: OnceCell::new(),
                health: Health::default(),
            }))
        })
    }

    /// Has a rendition uploaded, and waits for that if uploads come first.
    pub(crate) fn offer(&self, object: &Object, sidecar: &Sidecar) {
        let uploading = &self.0;
        {
            let mut open = uploading.open.0.lock().unwrap_or_else(PoisonError::into_inner);
            if *open >= uploading.backlog {
                uploading.tier.counts.add(Count::UploadsDropped, 1);
                return;
            }
            *open += 1;
        }
        let turn = Turn { of: Arc::clone(uploading), is_over: false };
        let (object, sidecar, own) = (object.clone(), sidecar.clone(), Arc::clone(uploading));
        let is_first = uploading.uploads == Uploads::First && !uploading.health.is_failing();
        let io = uploading.tier.io();
        let (task, uploaded) = io.begin(async move {
            // The whole of it.
            let mut turn = turn;
            let Ok(_permit) = own.turns.acquire().await else { return };
            own.upload(object, sidecar).await;
            turn.is_over = true;
        });
        // Nobody waits for what does not work. A runtime that is busy uploads it later.
        if !is_first {
            return;
        }
        // What takes too long is given up, and stays local.
        if let (Err(error), Some(task)) = (io.receive(&uploaded, FIRST), task)
            && error.kind() == ErrorKind::TimedOut
        {
            task.abort();
        }
    }

    /// Waits until all uploads are finished, but no longer than `patience`; says whether they are.
    pub(crate) fn finish(&self, patience: Duration) -> bool {
        let left = patience.saturating_sub(TURN);
        let runs = || self.0.tier.io().check_runs().is_ok();
        self.wait(patience.min(TURN)) || (!left.is_zero() && runs() && self.wait(left))
    }

    fn wait(&self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let (count, fewer) = &self.0.open;
        let mut open = count.lock().unwrap_or_else(PoisonError::into_inner);
        while *open > 0 {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return false };
            open = fewer.wait_timeout(open, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

/// One of the uploads that are not finished. Whatever becomes of its task, it is counted.
struct Turn {
    of: Arc<Uploading>,
    /// Whether it was told what came of it.
    is_over: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_over {
            self.of.failed("an upload was given up");
        }
        let (open, fewer) = &self.of.open;
        *open.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        fewer.notify_all();
    }
}

impl Uploading {
    async fn upload(&self, object: Object, sidecar: Sidecar) {
        let counts = &self.tier.counts;
        if !self.health.is_well() {
            counts.add(Count::UploadsFailed, 1);
            return;
        }
        // The list of blocks reads the file, so it is made where waiting for a disk hurts nobody.
        let made = tokio::task::spawn_blocking(move || {
            let blocks = Blocks::of(object.as_ref(), sidecar.digest);
            (Facts { sidecar, blocks }, Bytes::from_owner(object))
        });
        let Ok((facts, bytes)) = made.await else {
            return self.failed("its list of blocks could not be made");
        };
        let if_absent = *self.if_absent.get_or_init(|| self.has_if_absent()).await;
        match self.tier.put(&facts, bytes, if_absent).await {
            Ok(true) => counts.add(Count::Uploads, 1),
            Ok(false) => counts.add(Count::UploadsPresent, 1),
            Err(why) => return self.failed(&why),
        }
        self.health.works();
    }

    fn failed(&self, why: &str) {
        self.tier.counts.add(Count::UploadsFailed, 1);
        self.tier.counts.note_failure(why);
        if self.health.fails() {
            tracing::warn!(
                tier = self.tier.remote.url,
                why,
                "renditions cannot be uploaded; they stay local"
            );
        }
    }

    /// Whether the server heeds put-if-absent. Where it does not, uploads overwrite with the same bytes.
    async fn has_if_absent(&self) -> bool {
        let remote = &self.tier.remote;
        let probe = remote.path("v1/probe");
        let create = || PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let put = || remote.objects.put_opts(&probe, PutPayload::from_static(b"put-if-absent\n"), create());
        let mut second = put().await;
        if second.is_ok() {
            second = put().await;
        }
        let heeds = matches!(second, Err(object_store::Error::AlreadyExists { .. }));
        if second.is_ok() {
            let tier = &remote.url;
            tracing::warn!(
                tier,
                "the server ignores put-if-absent: the same rendition may be uploaded more than once"
            );
            let _ = remote.objects.delete(&probe).await;
        }
        heeds
    }
}
