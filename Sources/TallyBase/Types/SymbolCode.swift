/// The code of a dictionary entry. Code 0 is NULL in every dictionary and needs no entry, so a
/// symbol column never carries a validity mask; real entries are 1, 2, ...
package typealias SymbolCode = UInt32

/// The code that means NULL.
package let nullSymbolCode: SymbolCode = 0
