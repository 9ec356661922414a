/// How the windows of a text that is longer than a model's input become one answer.
///
/// It belongs to the task and not to a model: the small and the full model must combine alike, or they would disagree
/// about every long text.
/// - Source: infra/decisions/0028-long-texts.md
public enum WindowRule: Sendable, Equatable {
    /// A finding anywhere is one of the whole text: the window that is least likely to be `clean` answers.
    case anyFinding(clean: String)
    /// The mean of the windows' logits answers.
    case mean
    /// The first window answers, and nothing behind it is read.
    case beginning
    /// The first window answers, and each of `findings` counts where any window shows it.
    case beginningAnd(findings: [String])
}

extension Route {
    public var windowRule: WindowRule {
        switch self {
        case Route(.legalServices, "unfair-term"): .anyFinding(clean: "fair")
        case Route(.securityServices, "payload"), Route(.securityServices, "prompt-attack"):
            .anyFinding(clean: "benign")
        case Route(.softwareDevelopment, "issue-type"): .beginning
        case .decomposition:
            .beginningAnd(
                findings: Route.requestable.filter { $0.capability == .securityServices }.map(\.description))
        default: .mean
        }
    }
}
