//! Everything that the database holds, as text: for tests that compare.

use rusqlite::types::ValueRef;

use super::{Db, StoreError};

impl Db<'_> {
    /// Runs SQL of a test.
    pub(crate) fn run(self, sql: &str) -> Result<(), StoreError> {
        Ok(self.connection.execute_batch(sql)?)
    }

    /// From now on no change can be written down, so that none is committed; or it can again.
    pub(crate) fn refuse_audit(self, refuse: bool) -> Result<(), StoreError> {
        let sql = if refuse {
            "CREATE TRIGGER refused BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'refused'); END"
        } else {
            "DROP TRIGGER refused"
        };
        Ok(self.connection.execute_batch(sql)?)
    }

    /// One line a row, tables and rows in a fixed order.
    pub(crate) fn dump(self) -> Result<Vec<String>, StoreError> {
        let mut lines = Vec::new();
        let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
        let mut statement = self.connection.prepare(sql)?;
        let tables: Vec<String> =
            statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
        for table in tables {
            let mut statement = self.connection.prepare(&format!("SELECT * FROM \"{table}\""))?;
            let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
            let mut rows = statement.query([])?;
            let mut of_table = Vec::new();
            while let Some(row) = rows.next()? {
                let mut line = table.clone();
                for (n, column) in columns.iter().enumerate() {
                    let value = match row.get_ref(n)? {
                        ValueRef::Blob(bytes) => format!("{bytes:02x?}"),
                        ValueRef::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
                        other => format!("{other:?}"),
                    };
                    line.push_str(&format!(" {column}={value}"));
                }
                of_table.push(line);
            }
            of_table.sort();
            lines.extend(of_table);
        }
        Ok(lines)
    }
}
