package webhooks

// NewFresh makes an empty [Fresh], which holds so many objects at most.
var NewFresh = newFresh

const MostFresh = mostFresh

// Note takes note of an event that was committed.
func (f *Fresh) Note(o Object) { f.note(o) }
