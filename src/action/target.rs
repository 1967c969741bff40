//! What a fleet run deploys, as Helm's verbs take it: an archive with the values files of one cluster. Reads
//! nothing.

use std::path::PathBuf;

use thiserror::Error;

use super::verb::{ActionOptions, Deployment, Reuse};
use crate::config::ValuesFile;
use crate::helm::chart::{Chart, ChartArchive, ChartError};
use crate::helm::values::{self, Values, ValuesError};

/// One archive with its values, as one revision.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The chart.
    pub archive: &'a ChartArchive,
    /// Values files; later ones win.
    pub values: &'a [ValuesFile],
    /// The revision's description in the history.
    pub description: &'a str,
    /// How the cluster is treated.
    pub options: ActionOptions,
}

/// The target cannot be deployed as it is.
#[derive(Debug, Error)]
pub enum TargetError {
    /// The archive holds no chart.
    #[error("read the chart of {archive}")]
    Chart {
        /// The archive's file name.
        archive: String,
        /// Why.
        #[source]
        source: ChartError,
    },
    /// A values file holds no values.
    #[error("read the values of {}", path.display())]
    Values {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: ValuesError,
    },
}

impl Target<'_> {
    /// An upgrade, or an install where nothing is: with these values and no others, waiting for hooks only,
    /// since the gates judge the rest.
    pub fn deployment(&self) -> Result<Deployment, TargetError> {
        let chart = Chart::from_files(self.archive.files().to_vec());
        let chart =
            chart.map_err(|source| TargetError::Chart { archive: self.archive.file_name(), source })?;
        Ok(Deployment {
            reuse: Reuse::Reset,
            description: Some(self.description.to_owned()),
            create_namespace: true,
            conduct: self.options,
            ..Deployment::new(chart, self.merged_values()?)
        })
    }

    fn merged_values(&self) -> Result<Values, TargetError> {
        let mut merged = Values::new();
        for file in self.values {
            let read = values::read(&file.bytes);
            values::merge(
                &mut merged,
                read.map_err(|source| TargetError::Values { path: file.path.clone(), source })?,
            );
        }
        Ok(merged)
    }
}
