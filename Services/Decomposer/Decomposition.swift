import Contracts

/// What decomposition made of a request: its plan, and what the language stage cost.
struct Decomposition {
    var steps: [Step]
    /// `nil` for a machine request, which skips the language stage.
    var attempt: Attempt?
    /// How many items the language stage has answered by itself: they fit no capability.
    var answered = 0
}

/// Why there is no plan for a request, and what it took to find out.
struct Refusal: Error {
    var reason: ContractError
    var attempt: Attempt?
}
