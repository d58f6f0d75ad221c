//! Looking after a tier: what `tonepress cache tier` does.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::StreamExt;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::error::{Error, Result, Stage};
use crate::remote::why;
use crate::rendition::fingerprint::Fingerprint;
use crate::store::front::Store;
use crate::store::key::Key;
use crate::store::object::Object;
use crate::store::sidecar::Sidecar;
use crate::store::tier::blocks::Blocks;
use crate::store::tier::facts::Facts;
use crate::store::tier::front::{Miss, Tier, write};

/// How long one request of a keeper may take.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// Looks after the tier behind a store.
pub struct TierKeeper<'a> {
    store: &'a Store,
    tier: Arc<Tier>,
}

/// An object in a tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Kept {
    /// Its key.
    pub key: Key,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was written: seconds since 1970, by the server's clock.
    pub written: u64,
}

/// What a verification found of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TierChecked {
    /// The object.
    pub kept: Kept,
    /// What is wrong with it, if anything is.
    pub fault: Option<String>,
}

impl Store {
    /// A keeper of the tier behind this store, if there is one.
    #[must_use]
    pub fn tier_keeper(&self) -> Option<TierKeeper<'_>> {
        self.tier().map(|tier| TierKeeper { store: self, tier: Arc::clone(tier) })
    }
}

impl TierKeeper<'_> {
    /// The tier's URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.tier.remote.url
    }

    fn ask<T, F>(&self, task: impl FnOnce(Arc<Tier>) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = std::result::Result<T, String>> + Send + 'static,
    {
        let failed = |why: std::io::Error| Error::io(Stage::Read, self.url())(why);
        let asked = self.tier.io().wait(PATIENCE, task(Arc::clone(&self.tier))).map_err(failed)?;
        asked.map_err(|why| failed(std::io::Error::other(why)))
    }

    /// All objects, in order of keys.
    ///
    /// # Errors
    /// [`Error::Io`] if the tier cannot be read.
    pub fn list(&self) -> Result<Vec<Kept>> {
        let mut kept: Vec<Kept> = self.ask(|tier| async move {
            let objects = tier.remote.path("v1/objects");
            let mut listed = tier.remote.objects.list(Some(&objects));
            let mut kept = Vec::new();
            while let Some(meta) = listed.next().await {
                let meta = meta.map_err(|e| why(&e))?;
                let name = meta.location.filename().and_then(|name| name.strip_suffix(".mp3"));
                let Some(Ok(key)) = name.map(str::parse) else { continue };
                let written = u64::try_from(meta.last_modified.timestamp()).unwrap_or_default();
                kept.push(Kept { key, bytes: meta.size, written });
            }
            Ok(kept)
        })?;
        kept.sort_by_key(|kept| kept.key);
        Ok(kept)
    }

    /// The sidecar of an object; `None` if there is none or it cannot be understood.
    ///
    /// # Errors
    /// [`Error::Io`] if the tier cannot be read.
    pub fn sidecar(&self, key: &Key) -> Result<Option<Sidecar>> {
        let key = *key;
        self.ask(move |tier| async move {
            match tier.facts(&key).await {
                Ok(facts) => Ok(Some(facts.sidecar)),
                Err(Miss::Failed(why)) => Err(why),
                Err(_) => Ok(None),
            }
        })
    }

    /// Reads an object and compares it with its digest. What is wrong stays where it is; `repair` removes it.
    ///
    /// # Errors
    /// [`Error::Io`] if the tier cannot be read, or not be written.
    pub fn verify(&self, kept: &Kept, repair: bool) -> Result<TierChecked> {
        let key = kept.key;
        let fault = self.ask(move |tier| async move {
            let read = async {
                let mut answer = tier.fetch(&key, None).await?;
                while answer.next().await?.is_some() {}
                Ok(())
            };
            match read.await {
                Ok(()) => Ok(None),
                Err(Miss::Failed(why)) => Err(why),
                Err(Miss::Wrong(why)) => Ok(Some(why)),
                Err(Miss::Absent | Miss::Unwanted) => {
                    Ok(Some("it is gone, or only half of it is there".to_owned()))
                }
            }
        })?;
        if fault.is_some() && repair {
            self.remove(&key)?;
        }
        Ok(TierChecked { kept: *kept, fault })
    }

    /// Removes an object.
    ///
    /// # Errors
    /// [`Error::Io`] if the tier cannot be written.
    pub fn remove(&self, key: &Key) -> Result<()> {
        let key = *key;
        self.ask(move |tier| async move {
            // The object first: facts without it are nothing, and never served.
            tier.remote.objects.delete(&tier.object(&key)).await.map_err(|e| why(&e))?;
            if !tier.remote.has_attributes {
                let _ = tier.remote.objects.delete(&tier.beside(&key)).await;
            }
            Ok(())
        })
    }

    /// Removes objects of other builds than `keep`, and those written longer than `age` ago; returns how many.
    ///
    /// # Errors
    /// [`Error::Io`] if the tier cannot be read or written.
    pub fn gc(&self, keep: &[Fingerprint], age: Option<Duration>) -> Result<u64> {
        let before = age.and_then(|age| SystemTime::now().checked_sub(age));
        let before =
            before.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok()).map(|at| at.as_secs());
        let mut removed = 0;
        for kept in self.list()? {
            let is_old = before.is_some_and(|before| kept.written < before);
            let is_stale = !keep.is_empty()
                && self.sidecar(&kept.key)?.is_some_and(|sidecar| !keep.contains(&sidecar.fingerprint));
            if is_old || is_stale {
                self.remove(&kept.key)?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    /// Uploads a stored rendition; false if the tier had it.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if it is not what its sidecar says, [`Error::Io`] if the tier cannot be written.
    pub fn push(&self, key: &Key) -> Result<bool> {
        let corrupt = |detail: &str| Error::Corrupt { name: key.to_string(), detail: detail.to_owned() };
        let sidecar = self.store.sidecar(key)?.ok_or_else(|| corrupt("it has no sidecar"))?;
        let object: Object = self.store.find(key)?.ok_or_else(|| corrupt("it is not stored"))?;
        if blake3::hash(object.as_ref()) != sidecar.digest {
            return Err(corrupt("its bytes are not those of its digest"));
        }
        let blocks = Blocks::of(object.as_ref(), sidecar.digest);
        let facts = Facts { sidecar, blocks };
        self.ask(move |tier| async move {
            if tier
                .facts(&facts.sidecar.key)
                .await
                .is_ok_and(|there| there.sidecar.digest == facts.sidecar.digest)
            {
                return Ok(false);
            }
            tier.put(&facts, Bytes::from_owner(object), false).await
        })
    }

    /// Fetches an object into the store; `None` if the tier does not have it, or what it has is wrong.
    ///
    /// # Errors
    /// [`Error::Io`] if the tier cannot be read; those of [`Store::begin`] if the store cannot take it.
    pub fn pull(&self, key: &Key) -> Result<Option<Object>> {
        if let Some(object) = self.store.find(key)? {
            return Ok(Some(object));
        }
        let key = *key;
        let file = self.store.spill_file()?;
        let out = file.clone();
        let facts = self.ask(move |tier| async move {
            let written = async {
                let mut answer = tier.fetch(&key, None).await?;
                while let Some((at, block)) = answer.next().await? {
                    write(&out, at, &block)?;
                }
                Ok(answer.facts)
            };
            match written.await {
                Ok(facts) => Ok(Some(facts)),
                Err(Miss::Failed(why)) => Err(why),
                Err(Miss::Absent | Miss::Wrong(_)) => Ok(None),
                Err(Miss::Unwanted) => Err("the local disk is full".to_owned()),
            }
        })?;
        facts.map(|facts| self.store.adopt(&file, &facts.sidecar)).transpose()
    }
}
