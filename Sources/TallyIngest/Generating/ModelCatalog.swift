/// The models of generated data: 40 names over 5 providers, model i of provider i mod 5, each with
/// a fixed pair of prices. The prices are round figures of the right size, not anyone's tariff.
enum ModelCatalog {
  struct Model: Sendable {
    var name: String
    /// Nano-dollars a token.
    var inputPrice: Int64
    var outputPrice: Int64
  }

  static let providers = ["openai", "anthropic", "google", "mistral", "deepseek"]

  /// In order of popularity.
  static let models: [Model] = [
    model("gpt-5-mini", 250, 2_000), model("claude-sonnet-4-5", 3_000, 15_000),
    model("gemini-2.5-flash", 300, 2_500), model("mistral-small-2603", 150, 600),
    model("deepseek-chat", 280, 420), model("gpt-5", 1_250, 10_000),
    model("claude-haiku-4-5", 1_000, 5_000), model("gemini-2.5-pro", 1_250, 10_000),
    model("mistral-medium-3", 400, 2_000), model("deepseek-reasoner", 550, 2_190),
    model("gpt-4.1-mini", 400, 1_600), model("claude-opus-4-5", 5_000, 25_000),
    model("gemini-2.5-flash-lite", 100, 400), model("mistral-large-2512", 500, 1_500),
    model("deepseek-v3.2", 270, 410), model("gpt-5-nano", 50, 400),
    model("claude-sonnet-4-0", 3_000, 15_000), model("gemini-2.0-flash", 100, 400),
    model("codestral-2508", 300, 900), model("deepseek-v3.2-exp", 270, 400),
    model("gpt-4o", 2_500, 10_000), model("claude-opus-4-1", 15_000, 75_000),
    model("gemini-2.0-flash-lite", 75, 300), model("ministral-8b", 100, 110),
    model("deepseek-v3.1-terminus", 270, 1_000), model("gpt-4o-mini", 150, 600),
    model("claude-3-7-sonnet-latest", 3_000, 15_000), model("gemini-1.5-pro", 1_250, 5_000),
    model("devstral-2512", 400, 2_000), model("deepseek-coder", 140, 280),
    model("gpt-4.1", 2_000, 8_000), model("claude-3-5-haiku-latest", 800, 4_000),
    model("gemini-1.5-flash", 75, 310), model("magistral-medium", 2_000, 5_000),
    model("deepseek-v4-flash", 140, 280), model("text-embedding-3-large", 130, 0),
    model("claude-3-haiku", 250, 1_250), model("gemini-embedding-001", 150, 0),
    model("mistral-embed", 100, 0), model("deepseek-v4-pro", 1_740, 3_480),
  ]

  private static func model(_ name: String, _ input: Int64, _ output: Int64) -> Model {
    Model(name: name, inputPrice: input, outputPrice: output)
  }
}
