import { mount } from 'svelte';

import App from './App.svelte';
import './panel.css';

const home = document.getElementById('panel');
if (home === null) throw new Error('panel/index.html has no #panel');
mount(App, { target: home });
