package portal

// TopicDesk is what steps tell, beside a notice's number, with every change that a list of the staff's shows: that something changed, and nothing of what.
const TopicDesk = "desk"
