package import TallyBase

/// The entries of one symbol column as of a snapshot: codes `1...count`, code 0 is NULL.
package final class SymbolDictionary: Sendable {
  package let table: StringTable

  package init(table: StringTable) { self.table = table }

  package var count: Int { table.count }
}
