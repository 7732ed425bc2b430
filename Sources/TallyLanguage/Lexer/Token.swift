package import TallyBase

/// A word, literal or sign of the query language, with its place in the text.
package struct Token: Hashable, Sendable {
  package var kind: Kind
  package var span: SourceSpan

  package enum Kind: Hashable, Sendable {
    /// A bare word, ASCII letters folded to lower case: a keyword or a name, told apart by place.
    case word(String)
    /// `"name"`, with doubled quotes undone. Never a keyword.
    case quoted(String)
    /// `'text'`, with doubled quotes undone.
    case string(String)
    /// Digits.
    case integer(String)
    /// Digits, point, digits; both sides at least one digit long.
    case decimal(String)
    /// With an exponent.
    case double(String)
    /// `7d`: the digits and the unit.
    case duration(count: String, unit: TimeUnit)
    /// `$1`
    case parameter(Int)
    case sign(Sign)
    /// After the last token. Its span is empty.
    case end
  }

  /// Operators and punctuation.
  package enum Sign: String, Hashable, Sendable {
    case leftParenthesis = "("
    case rightParenthesis = ")"
    case comma = ","
    case semicolon = ";"
    case point = "."
    case plus = "+"
    case minus = "-"
    case star = "*"
    case slash = "/"
    case doubleSlash = "//"
    case percent = "%"
    case power = "^"
    case concatenate = "||"
    case equal = "="
    case notEqual = "<>"
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case doubleColon = "::"
    case jsonText = "->>"
  }
}
