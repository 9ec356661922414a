/// What reads the states of a task's texts, from the earliest exit to the head.
struct Ladder {
    struct Rung {
        /// After how many layers it reads.
        let layers: Int
        let projection: Projection
        /// From which confidence on its answer stands; `nil` of the head, whose answer always does.
        let from: Double?
    }

    let head: ModelCard.Head
    let rungs: [Rung]

    init(_ tensors: inout TensorReader, _ head: ModelCard.Head, inputs: Int) throws(ArtifactError) {
        self.head = head
        let exits = try head.exits.map { exit throws(ArtifactError) in
            Rung(
                layers: exit.layers,
                projection: try Projection(
                    &tensors, "exits.\(exit.layers).\(head.route)", labels: head.labels.count, inputs: inputs),
                from: exit.from)
        }
        let last = try Projection(&tensors, "heads.\(head.route)", labels: head.labels.count, inputs: inputs)
        rungs = exits + [Rung(layers: head.layers, projection: last, from: nil)]
    }
}
