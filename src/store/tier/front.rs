//! A tier in use: asking for objects, block by block, and writing them.

use std::collections::HashSet;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::path::Path;
use object_store::{GetOptions, GetResult, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use crate::error::Result;
use crate::remote::{Io, Remote, is_absent, why};
use crate::store::key::Key;
use crate::store::tier::blocks::block_size;
use crate::store::tier::counts::{Count, Counts};
use crate::store::tier::facts::Facts;
use crate::store::tier::options::{Access, TierOptions};

/// Why the tier does not give an object.
#[derive(Debug)]
pub(crate) enum Miss {
    /// It has none.
    Absent,
    /// It cannot be asked, for this reason.
    Failed(String),
    /// What it has is not what it says.
    Wrong(String),
    /// Whoever asked wants no more.
    Unwanted,
}

/// A tier in use.
pub(crate) struct Tier {
    pub(crate) remote: Remote,
    pub(crate) access: Access,
    pub(crate) counts: Counts,
    /// What was found wrong: the next upload replaces it.
    wrong: Mutex<HashSet<Key>>,
}

impl Tier {
    pub(in crate::store) fn open(options: &TierOptions) -> Result<Arc<Self>> {
        let remote = Remote::create(options.url(), options.runtime.as_ref())?;
        let (counts, wrong) = (Counts::default(), Mutex::default());
        Ok(Arc::new(Self { remote, access: options.access, counts, wrong }))
    }

    pub(crate) fn io(&self) -> &Arc<Io> {
        &self.remote.io
    }

    /// Whether what the tier has was found wrong, and not replaced yet.
    pub(crate) fn is_wrong(&self, key: &Key) -> bool {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).contains(key)
    }

    pub(super) fn object(&self, key: &Key) -> Path {
        self.remote.path(&format!("v1/objects/{:02x}/{key}.mp3", key.as_bytes()[0]))
    }

    pub(super) fn beside(&self, key: &Key) -> Path {
        self.remote.path(&format!("v1/objects/{:02x}/{key}.json", key.as_bytes()[0]))
    }

    /// Asks for the blocks in `range` (all of them if `None`) of an object.
    pub(crate) async fn fetch(&self, key: &Key, range: Option<Range<u64>>) -> Result<Answer<'_>, Miss> {
        self.counts.add(Count::Requests, 1);
        let asked = self.ask(key, range).await;
        match asked {
            Ok(_) | Err(Miss::Absent) => self.counts.works(&self.remote.url),
            Err(Miss::Unwanted) => {}
            Err(Miss::Failed(ref why)) => self.counts.fails(&self.remote.url, why),
            Err(Miss::Wrong(ref why)) => self.found_wrong(key, why),
        }
        asked
    }

    /// What the tier has is not what it should be: the next upload replaces it.
    pub(crate) fn found_wrong(&self, key: &Key, why: &str) {
        self.counts.add(Count::Wrong, 1);
        if self.access.writes() {
            self.wrong.lock().unwrap_or_else(PoisonError::into_inner).insert(*key);
        }
        tracing::warn!(tier = self.remote.url, %key, why, "wrong in the tier; it is pressed");
    }

    async fn ask(&self, key: &Key, range: Option<Range<u64>>) -> Result<Answer<'_>, Miss> {
        let beside = if self.remote.has_attributes { None } else { Some(self.facts_beside(key).await?) };
        let options = GetOptions { range: range.clone().map(Into::into), ..GetOptions::default() };
        let got =
            self.remote.objects.get_opts(&self.object(key), options).await.map_err(|error| miss(&error))?;
        let facts = match beside {
            Some(facts) => facts,
            None => Facts::from_attributes(&got.attributes).map_err(Miss::Wrong)?,
        };
        check(key, &facts, &got, range.as_ref())?;
        let (at, end) = (got.range.start, got.range.end);
        Ok(Answer { tier: self, facts, at, end, stream: got.into_stream(), buf: BytesMut::new() })
    }

    async fn facts_beside(&self, key: &Key) -> Result<Facts, Miss> {
        let json = self.remote.objects.get(&self.beside(key)).await.map_err(|error| miss(&error))?;
        Facts::from_json(&json.bytes().await.map_err(|error| miss(&error))?).map_err(Miss::Wrong)
    }

    /// The facts of an object, without its bytes.
    pub(crate) async fn facts(&self, key: &Key) -> Result<Facts, Miss> {
        if !self.remote.has_attributes {
            return self.facts_beside(key).await;
        }
        let options = GetOptions { head: true, ..GetOptions::default() };
        let got =
            self.remote.objects.get_opts(&self.object(key), options).await.map_err(|error| miss(&error))?;
        let facts = Facts::from_attributes(&got.attributes).map_err(Miss::Wrong)?;
        check(key, &facts, &got, None).map(|()| facts)
    }

    /// Writes an object, by one PUT; false if it was there.
    pub(crate) async fn put(
        &self,
        facts: &Facts,
        bytes: Bytes,
        if_absent: bool,
    ) -> std::result::Result<bool, String> {
        let key = &facts.sidecar.key;
        let replace = self.is_wrong(key);
        let mut options = PutOptions::default();
        if if_absent && !replace {
            options.mode = PutMode::Create;
        }
        if self.remote.has_attributes {
            options.attributes = facts.to_attributes()?;
        } else {
            // Where an object carries no facts they are there before it, and of any writer the same.
            let json = PutPayload::from(facts.to_json()?);
            self.remote.objects.put(&self.beside(key), json).await.map_err(|e| why(&e))?;
        }
        let len = bytes.len() as u64;
        match self.remote.objects.put_opts(&self.object(key), bytes.into(), options).await {
            Ok(_) => {
                self.wrong.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
                self.counts.add(Count::BytesUploaded, len);
                Ok(true)
            }
            Err(object_store::Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(why(&error)),
        }
    }
}

/// An object, or some blocks of it, on the way.
pub(crate) struct Answer<'a> {
    pub(crate) tier: &'a Tier,
    pub(crate) facts: Facts,
    at: u64,
    end: u64,
    stream: BoxStream<'static, object_store::Result<Bytes>>,
    buf: BytesMut,
}

impl Answer<'_> {
    /// The next block and where it begins, once it has arrived and is known to be right; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<(u64, Bytes)>, Miss> {
        let next = self.try_next().await;
        match &next {
            Err(Miss::Wrong(why)) => self.tier.found_wrong(&self.facts.sidecar.key, why),
            Err(Miss::Failed(why)) => self.tier.counts.fails(&self.tier.remote.url, why),
            _ => {}
        }
        next
    }

    async fn try_next(&mut self) -> Result<Option<(u64, Bytes)>, Miss> {
        if self.at >= self.end {
            return Ok(None);
        }
        let len = block_size(self.facts.sidecar.bytes).min(self.end - self.at);
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        while self.buf.len() < len {
            let Some(bytes) = self.stream.next().await else {
                return Err(Miss::Wrong(format!("it ends at byte {}", self.at + self.buf.len() as u64)));
            };
            let bytes = bytes.map_err(|error| miss(&error))?;
            self.tier.counts.add(Count::BytesFetched, bytes.len() as u64);
            self.buf.extend_from_slice(&bytes);
        }
        let block = self.buf.split_to(len).freeze();
        if !self.facts.blocks.are(&block, self.at) {
            return Err(Miss::Wrong(format!("the block at byte {} is not what its digest says", self.at)));
        }
        let at = self.at;
        self.at += len as u64;
        Ok(Some((at, block)))
    }
}

/// Whether the answer of a server is for this object and this range.
fn check(key: &Key, facts: &Facts, got: &GetResult, range: Option<&Range<u64>>) -> Result<(), Miss> {
    let len = facts.sidecar.bytes;
    if facts.sidecar.key != *key {
        return Err(Miss::Wrong(format!("its sidecar is that of {}", facts.sidecar.key)));
    }
    if got.meta.size != len {
        return Err(Miss::Wrong(format!("{} bytes are there instead of {len}", got.meta.size)));
    }
    let wanted = range.cloned().unwrap_or(0..len);
    if got.range != wanted {
        return Err(Miss::Wrong(format!("bytes {:?} came instead of {wanted:?}", got.range)));
    }
    Ok(())
}

/// Writes a block of an object to a file of its own.
pub(crate) fn write(file: &File, at: u64, bytes: &[u8]) -> Result<(), Miss> {
    file.write_all_at(bytes, at).map_err(|_| Miss::Unwanted)
}

fn miss(error: &object_store::Error) -> Miss {
    if is_absent(error) { Miss::Absent } else { Miss::Failed(why(error)) }
}
