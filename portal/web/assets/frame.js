// For pages that have nothing of their own to do: the session is watched, and that is all.

import { ready } from './page.js';
import './session.js';

ready();
